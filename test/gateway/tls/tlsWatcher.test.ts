/** New TLS files while the gateway runs: the watcher alone, and a real gateway whose association goes on. */
import { readFileSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryLog } from '../../../src/base/log.ts';
import type { TlsMaterial } from '../../../src/dicom/transport/listener.ts';
import { type ListenerTls, loadTls, tlsDigest } from '../../../src/gateway/tls/tlsFiles.ts';
import { TlsWatcher } from '../../../src/gateway/tls/tlsWatcher.ts';
import { Health } from '../../../src/web/warnings.ts';
import { OpensslPki, type Pair } from '../../support/opensslPki.ts';

const day = 86_400_000;
const pki = new OpensslPki();
afterAll(() => pki.remove());
const authority = pki.authority('senders');
const first = authority.issue('first');
const second = authority.issue('second');
const expired = authority.issue('expired', { from: Date.now() - 9 * day, to: Date.now() - day });

const certificateFile = join(pki.folder, 'live.pem');
const keyFile = join(pki.folder, 'live.key');
const crlFile = join(pki.folder, 'live.crl');
const put = ({ certificate, key }: Pair) => {
  writeFileSync(certificateFile, certificate);
  writeFileSync(keyFile, key);
};

const tls: ListenerTls = {
  ...{ certificateFile, keyFile, clientCaFile: authority.certificateFile, crlFile },
  ...{ requireClientCertificate: true, minVersion: 'TLSv1.2' },
};

let health: Health;
let taken: TlsMaterial[];
let watcher: TlsWatcher;
let logged: ReturnType<typeof createMemoryLog>;
beforeEach(() => {
  rmSync(certificateFile, { force: true });
  rmSync(keyFile, { force: true });
  put(first);
  writeFileSync(crlFile, authority.revocationList());
  health = new Health(() => Date.now());
  taken = [];
  logged = createMemoryLog();
  watcher = new TlsWatcher({ health, log: logged.log, now: () => Date.now() });
  const { loaded } = loadTls(tls);
  if (!loaded) throw new Error('does not load');
  watcher.add({ name: 'dicom-tls', tls, replace: (material) => void taken.push(material) }, loaded, tlsDigest(tls));
});

const lookTwice = () => {
  watcher.look();
  watcher.look();
};
const warnings = () => health.active().map(({ code, text }) => `${code}: ${text}`);

describe('the watcher', () => {
  it('takes on what has changed and come to rest, once', () => {
    lookTwice();
    expect(taken).toEqual([]);
    put(second);
    watcher.look();
    expect(taken).toEqual([]); // it may still be being written
    watcher.look();
    watcher.look();
    expect(taken.map(({ key }) => key)).toEqual([second.key]);
    expect(logged.lines).toMatchObject([
      { event: 'tls.reloaded', listener: 'dicom-tls', fingerprint: second.fingerprint },
    ]);
    expect(watcher.inUse[0]?.loaded.chain[0]?.subject).toBe('CN=second');
  });

  it('takes on files that are renamed into place, and symbolic links that are moved', () => {
    renameSync(second.certificateFile, certificateFile);
    renameSync(second.keyFile, keyFile);
    lookTwice();
    expect(taken).toHaveLength(1);
    writeFileSync(second.certificateFile, second.certificate);
    writeFileSync(second.keyFile, second.key);
    unlinkSync(certificateFile);
    unlinkSync(keyFile);
    symlinkSync(first.certificateFile, certificateFile);
    symlinkSync(first.keyFile, keyFile);
    lookTwice();
    expect(taken.map(({ key }) => key)).toEqual([second.key, first.key]);
  });

  it('waits for the other half of a pair, with a warning, and takes it then', () => {
    writeFileSync(certificateFile, second.certificate);
    lookTwice();
    lookTwice();
    expect(taken).toEqual([]);
    expect(warnings()).toEqual([
      expect.stringMatching(/^tls\.reload-failed: .*is not the key of the first certificate/),
    ]);
    expect(logged.lines.map(({ event }) => event)).toEqual(['tls.reload-failed']); // once a change, not once a look
    writeFileSync(keyFile, second.key);
    lookTwice();
    expect(taken).toHaveLength(1);
    expect(warnings()).toEqual([]);
  });

  it.each<[string, () => void, RegExp]>([
    ['an expired certificate', () => put(expired), /the new certificate expired on/],
    ['a certificate that is cut off', () => truncateSync(certificateFile, 200), /certificateFile/],
    ['a missing file', () => unlinkSync(keyFile), /keyFile: file .* does not exist/],
    [
      'an old revocation list',
      () => writeFileSync(crlFile, authority.revocationList({ from: Date.now() - 9 * day, to: Date.now() - day })),
      /the new revocation list ended on/,
    ],
    ['an empty revocation list file', () => writeFileSync(crlFile, ''), /crlFile: .*holds no PEM revocation list/],
  ])('keeps what it has rather than %s', (_what, change, problem) => {
    change();
    lookTwice();
    expect(taken).toEqual([]);
    expect(warnings()).toEqual([expect.stringMatching(problem)]);
  });

  it('clears the warning when the old files are put back', () => {
    writeFileSync(certificateFile, second.certificate);
    lookTwice();
    put(first);
    lookTwice();
    expect(warnings()).toEqual([]);
  });

  it('reads at once when it is asked to, and says what it did', () => {
    expect(watcher.reload()).toEqual([{ listener: 'dicom-tls', state: 'unchanged' }]);
    put(second);
    expect(watcher.reload()).toMatchObject([{ state: 'reloaded', fingerprint: second.fingerprint }]);
    writeFileSync(keyFile, readFileSync(first.keyFile));
    expect(watcher.reload()).toMatchObject([{ state: 'failed', problem: expect.stringContaining('keyFile') }]);
    expect(watcher.reload()).toMatchObject([{ state: 'failed' }]);
  });
});
