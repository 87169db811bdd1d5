/** A gateway whose certificate and revocation list are replaced while an association is open. */
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, expect, test } from 'vitest';
import { echo } from '../../src/dicom/scu/echo.ts';
import { OpensslPki, type Pair } from '../support/opensslPki.ts';
import { associateRq, echoRq, RawPeer } from '../support/rawPeer.ts';
import { createSite, portOf, type Site } from './site.ts';

const pki = new OpensslPki();
const authority = pki.authority('senders');
let site: Site | undefined;
afterEach(() => site?.remove());
afterAll(() => pki.remove());

const put = (file: string, content: string) => {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
};

test('new files are in use without a restart, and the association goes on', async () => {
  const [first, second, sender, lost] = ['first', 'second', 'sender', 'lost'].map((name) => authority.issue(name)) as [
    Pair,
    Pair,
    Pair,
    Pair,
  ];
  const [certificateFile, keyFile, crlFile] = ['live.pem', 'live.key', 'live.crl'].map((name) =>
    join(pki.folder, name),
  );
  const install = (pair: Pair) => {
    put(certificateFile ?? '', pair.certificate);
    put(keyFile ?? '', pair.key);
  };
  install(first);
  put(crlFile ?? '', authority.revocationList());
  const files = `certificateFile: ${certificateFile}, keyFile: ${keyFile}, clientCaFile: ${authority.certificateFile}, crlFile: ${crlFile}`;
  site = createSite('', { listeners: `[{ name: tls, port: 0, tls: { ${files} } }]` });
  const gateway = await site.start();
  const port = portOf((await gateway.status()).listeners[0]?.address ?? '');
  const tlsOf = ({ certificate, key }: Pair) => ({ ca: authority.certificate, cert: certificate, key });
  const echoAs = ({ certificate, key }: Pair) => {
    const titles = { callingAeTitle: 'SCU', calledAeTitle: 'MEDUSA' };
    return echo({ host: '127.0.0.1', port, ...titles, tls: { ca: authority.certificate, certificate, key } });
  };
  const shown = async () => {
    const socket = connect({ port, host: '127.0.0.1', ...tlsOf(sender) });
    await once(socket, 'secureConnect');
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return subject.CN;
  };

  const peer = await RawPeer.connect(port, tlsOf(lost));
  peer.send(associateRq({ calledAeTitle: 'MEDUSA' }));
  expect(await peer.answer()).toBe('AC');
  expect(await shown()).toBe('first');
  await echoAs(lost);

  authority.revoke(lost);
  put(crlFile ?? '', authority.revocationList());
  install(second);
  while ((await shown()) !== 'second') await new Promise((resolve) => setTimeout(resolve, 100));
  await expect(echoAs(lost)).rejects.toThrow();
  await echoAs(sender);
  peer.send(echoRq());
  expect(await peer.answer()).toBe('status 0000 to 1'); // what was open goes on
  peer.destroy();

  const fingerprint = createHash('sha256').update(new X509Certificate(second.certificate).raw).digest('hex');
  expect(site.log()).toContain(fingerprint);

  put(keyFile ?? '', first.key); // the other half is missing
  const codes = async () => (await gateway.status()).warnings.map(({ code }) => code);
  while (!(await codes()).includes('tls.reload-failed')) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await shown()).toBe('second');
});
