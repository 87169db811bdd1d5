import { afterAll, describe, expect, it } from 'vitest';
import { dayMs, expiryWarning, listWarning } from '../../../src/gateway/tls/expiry.ts';
import { ExpiryWatch } from '../../../src/gateway/tls/expiryWatch.ts';
import { PeerCertificates } from '../../../src/gateway/tls/peerCertificates.ts';
import { loadTls } from '../../../src/gateway/tls/tlsFiles.ts';
import { Health } from '../../../src/web/warnings.ts';
import { OpensslPki } from '../../support/opensslPki.ts';

const now = Date.parse('2030-01-01T00:00:00Z');
const inDays = (days: number) => expiryWarning({ id: 'x', what: 'x', endsAt: now + days * dayMs }, now);

describe('a certificate', () => {
  it.each([
    [61, undefined],
    [60, 'tls.certificate-expiring-later'],
    [31, 'tls.certificate-expiring-later'],
    [30, 'tls.certificate-expiring'],
    [8, 'tls.certificate-expiring'],
    [7, 'tls.certificate-expires-now'],
    [0, 'tls.certificate-expires-now'],
    [-0.01, 'tls.certificate-expired'],
  ])('that ends in %d days: %s', (days, code) => {
    expect(inDays(days)).toBe(code);
  });
});

describe('a revocation list', () => {
  const list = (lifeDays: number, leftDays: number) =>
    listWarning({ thisUpdate: now - (lifeDays - leftDays) * dayMs, nextUpdate: now + leftDays * dayMs }, now);

  it.each([
    [1, 0.3, undefined],
    [1, 0.2, 'tls.crl-expiring'],
    [90, 8, undefined],
    [90, 7, 'tls.crl-expiring'],
    [1, -0.01, 'tls.crl-expired'],
  ])('of %d days with %d left: %s', (life, left, code) => {
    expect(list(life, left)).toBe(code);
  });

  it('that does not say when it ends raises nothing', () => {
    expect(listWarning({ thisUpdate: 0, nextUpdate: undefined }, now)).toBeUndefined();
  });
});

describe('warnings', () => {
  const pki = new OpensslPki();
  afterAll(() => pki.remove());

  it('stand one a subject, grow with time, and go when it is renewed', () => {
    const authority = pki.authority('senders'); // for 100 days
    const short = authority.issue('short', { to: Date.now() + 45 * dayMs });
    const renewed = authority.issue('renewed', { to: Date.now() + 90 * dayMs });
    const load = ({ certificateFile, keyFile }: typeof short) => {
      const files = { certificateFile, keyFile, clientCaFile: authority.certificateFile };
      const { loaded } = loadTls({ ...files, requireClientCertificate: true, minVersion: 'TLSv1.2' });
      if (!loaded) throw new Error('does not load');
      return [{ listener: 'dicom-tls', loaded }];
    };
    const health = new Health(() => Date.now());
    const watch = new ExpiryWatch(health);
    const peers = new PeerCertificates();
    const standing = () => health.active().map(({ severity, text }) => `${severity} ${text.replace(/, on .*/, '')}`);
    const lookIn = (days: number, inUse = load(short)) => {
      watch.look(inUse, peers, Date.now() + days * dayMs);
      return standing();
    };

    expect(lookIn(0)).toEqual(['info The certificate of listener dicom-tls expires in 44 days']);
    expect(lookIn(20)).toEqual(['warning The certificate of listener dicom-tls expires in 24 days']);
    expect(lookIn(40)).toEqual([
      'error The certificate of listener dicom-tls expires in 4 days',
      'info The certificate of the authority CN=senders in clientCaFile expires in 59 days',
    ]);
    expect(lookIn(46)[0]).toMatch(/^error The certificate of listener dicom-tls expired on /);
    expect(lookIn(20, load(renewed))).toEqual([]);
  });

  it('name the sender whose certificate ends, until it shows another or comes without', () => {
    const health = new Health(() => now);
    const watch = new ExpiryWatch(health);
    const peers = new PeerCertificates();
    const comes = (notAfter?: number) => {
      const certificate = {
        ...{ fingerprint: 'ab', subject: 'CN=ct1', trust: { kind: 'verified' as const, authorities: [] } },
        ...(notAfter === undefined ? {} : { notAfter }),
      };
      const caller = { address: '10.0.0.1', port: 1, listener: 'dicom-tls' };
      const association = {
        callingAeTitle: 'CT1',
        caller: notAfter === undefined ? caller : { ...caller, certificate },
      };
      peers.onAdmitted(association as unknown as Parameters<PeerCertificates['onAdmitted']>[0]);
      watch.look([], peers, now);
      return health.active().map(({ code, text }) => `${code}: ${text}`);
    };
    expect(comes(now + 20 * dayMs)).toEqual([
      'tls.certificate-expiring: The certificate that sender CT1 shows expires in 20 days, on 2030-01-21.',
    ]);
    expect(comes(now + 200 * dayMs)).toEqual([]);
    expect(comes(now + 20 * dayMs)).toHaveLength(1);
    expect(comes(undefined)).toEqual([]);
  });
});
