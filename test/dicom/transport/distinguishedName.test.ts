import { X509Certificate } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { rfc4514 } from '../../../src/dicom/transport/distinguishedName.ts';
import { OpensslPki } from '../../support/opensslPki.ts';

const pki = new OpensslPki();
afterAll(() => pki.remove());

it.each([
  ['a usual one', '/C=DE/O=St Elsewhere/OU=Radiology/CN=ct1.example'],
  ['commas, quotes and angles', '/O=A, B "C" <D>; E/CN=x'],
  ['a plus, as a value and between two values', '/O=A+B/CN=x'],
  ['spaces and a number sign at the edges', '/O= A /OU=#1/CN=x'],
  ['a backslash', '/O=A\\\\B/CN=x'],
  ['a line break', '/O=A\nB/CN=x'],
  ['letters beyond ASCII', '/O=Klinik Süd/CN=Jürgen 医院'],
  ['several values in one part', '/O=A+OU=B/CN=x+serialNumber=7', '-multivalue-rdn'],
  ['mail address, domain component and user id', '/DC=org/DC=example/UID=ct1/CN=x/emailAddress=a@example.org'],
])('is the subject as openssl writes it: %s', (name, subject, ...more) => {
  const file = name.replaceAll(/\W/g, '-');
  const { certificate, certificateFile } = pki.selfSigned(file, { subject: ['-utf8', ...more, '-subj', subject] });
  const printed = pki.run('x509', '-in', certificateFile, '-noout', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb');
  expect(rfc4514(new X509Certificate(certificate).subject)).toBe(printed.replace(/^subject=/, '').replace(/\n$/, ''));
});

it('is empty when there is none', () => {
  expect(rfc4514(undefined)).toBe('');
});
