import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import { createMemoryLog } from '../../../src/base/log.ts';
import { fileSystemKind } from '../../../src/gateway/cli/check/diskCheck.ts';
import type { CheckResult } from '../../../src/gateway/cli/check/result.ts';
import { checkValidity } from '../../../src/gateway/cli/check/tlsCheck.ts';
import type { CommandDependencies } from '../../../src/gateway/cli/dependencies.ts';
import { runCli } from '../../../src/gateway/cli/program.ts';
import { dependencies } from '../../../src/gateway/cli/wiring.ts';
import { startApi } from '../../../src/web/server.ts';
import { createTestPki } from '../../support/certificates.ts';
import { sampleSources } from '../../web/sampleStatus.ts';

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-check-'));
  mkdirSync(join(folder, 'objects'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function listen(): Promise<number> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
}

/** A configuration with which nothing is wrong, as sections that a test may replace. */
const sound = {
  site: 'site: a',
  stateDirectory: 'stateDirectory: state',
  listeners: 'listeners: [{ name: x, port: 0, plain: true }]',
  peers: 'peers: [{ aeTitle: CT1, addresses: [10.0.0.0/8] }]',
  spool: 'spool: { quota: 16MiB, segmentSize: 4MiB }',
  limits: 'limits: { instanceBytes: 8MiB }',
  stores: 'stores: [{ name: d, type: directory, path: objects }]',
  routes: 'routes: [{ name: r, store: d }]',
  api: 'api: { port: 0 }',
};

async function check(change: Partial<typeof sound> = {}, replaced: Partial<CommandDependencies> = {}) {
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, Object.values({ ...sound, ...change }).join('\n'));
  let out = '';
  const write = (text: string) => {
    out += text;
  };
  const streams = { version: '0', write, writeError: write };
  const code = await runCli(['check', '--json', '--config', file], { ...dependencies, ...replaced }, streams);
  const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: CheckResult[] };
  return {
    code,
    ok,
    checks,
    not: checks
      .filter(({ level }) => level !== 'ok')
      .map(({ level, subject, message }) => `${level} ${subject}: ${message}`),
  };
}

/** What a temporary folder on tmpfs is rightly warned of. */
const but = (lines: string[]) => lines.filter((line) => !line.includes('is memory'));

it('finds nothing wrong where nothing is, and leaves nothing behind', async () => {
  const { code, ok, checks, not } = await check();
  expect(but(not)).toEqual([]);
  expect([code, ok]).toEqual([0, true]);
  const subjects = new Set(checks.map(({ subject }) => subject));
  expect([...subjects]).toEqual(['configuration', 'stateDirectory', 'listeners x', 'api', 'stores d']);
  expect(readdirSync(folder).sort()).toEqual(['gateway.yaml', 'objects']);
});

describe('second thoughts', () => {
  it.each<[Partial<typeof sound>, string]>([
    [{ listeners: '' }, 'warn listeners: there are none: nobody can send'],
    [{ peers: '' }, 'warn peers: there are none: every association is rejected'],
    [
      { peers: 'peers: [{ aeTitle: "*" }]' },
      'warn peers *: anybody who reaches a listener (and has a trusted certificate, over TLS) may send',
    ],
    [
      { peers: `peers: [{ aeTitle: A, certificateFingerprints: ["${'ab'.repeat(32)}"] }]` },
      'warn peers A: needs a certificate, but no listener has TLS: it can never send',
    ],
    [
      { listeners: 'listeners: [{ name: x, host: 0.0.0.0, port: 0, plain: true }]' },
      'warn listeners x: plain DICOM on 0.0.0.0: anybody on that network can read along',
    ],
    [{ api: 'api: { host: 0.0.0.0, port: 0 }' }, 'warn api: the status page on 0.0.0.0 has no access control'],
    [{ routes: '' }, 'warn routes: there are none: instances are kept but go nowhere'],
    [{ limits: '' }, 'warn limits.instanceBytes: an instance of that size would not fit into spool.quota'],
  ])('%j', async (change, expected) => {
    const { code, not } = await check(change);
    expect([code, but(not)]).toEqual([0, [expected]]);
  });
});

describe('ports', () => {
  it('in use by another program fail', async () => {
    const port = await listen();
    const { code, not } = await check({ listeners: `listeners: [{ name: x, port: ${port}, plain: true }]` });
    expect([code, but(not)]).toEqual([1, [`fail listeners x: 127.0.0.1 port ${port} is in use by another program`]]);
  });

  it('in use by the gateway that runs are as they should be', async () => {
    const port = await listen();
    mkdirSync(join(folder, 'state'));
    const socketPath = join(folder, 'state', 'api.sock');
    const api = await startApi({ socketPath, tcp: undefined, sources: sampleSources(), log: createMemoryLog().log });
    const { code, not } = await check({ listeners: `listeners: [{ name: x, port: ${port}, plain: true }]` });
    await api.stop();
    expect([code, but(not)]).toEqual([0, []]);
  });

  it('on an address of another machine fail', async () => {
    const { not } = await check({ listeners: 'listeners: [{ name: x, host: 192.0.2.1, port: 0, plain: true }]' });
    expect(not).toContain('fail listeners x: 192.0.2.1 is no address of this machine');
  });
});

describe('the state directory', () => {
  it('that is a file fails', async () => {
    writeFileSync(join(folder, 'state'), '');
    const { code, not } = await check();
    expect(code).toBe(1);
    expect(not).toContain(`fail stateDirectory: ${join(folder, 'state')} is no folder`);
  });

  it('on a disk with less room than the quota is warned of', async () => {
    const { code, not } = await check({ spool: 'spool: { quota: 4096TiB }' });
    expect(code).toBe(0);
    expect(not).toContainEqual(
      expect.stringMatching(/^warn stateDirectory: .* free, the spool may take 4096 TiB more$/),
    );
  });

  it('on a network file system fails, in memory is warned of', () => {
    expect(fileSystemKind(0x6969)).toEqual({ name: 'NFS', trouble: 'network' });
    expect(fileSystemKind(0xff534d42 | 0)).toEqual({ name: 'CIFS', trouble: 'network' }); // as a signed number
    expect(fileSystemKind(0x01021994)).toEqual({ name: 'tmpfs', trouble: 'volatile' });
    expect(fileSystemKind(0x12345)).toEqual({ name: 'file system 0x12345' });
  });
});

describe('stores', () => {
  const s3 = (endpoint: string) =>
    `stores: [{ name: d, type: s3, endpoint: "${endpoint}", bucket: abc, accessKeyId: i, secretAccessKey: j }]`;

  it('that refuse us fail with what mends it', async () => {
    const details = { code: 'store.refused', operation: 'probe', hint: 'check the rights' };
    const refuse = async () => Promise.reject(new GatewayError('403 AccessDenied', details));
    const { code, checks } = await check({ stores: s3('http://127.0.0.1:1') }, { probeStore: refuse });
    expect(code).toBe(1);
    expect(checks.at(-1)).toEqual({
      ...{ level: 'fail', subject: 'stores d', message: '403 AccessDenied', hint: 'check the rights' },
    });
  });

  it('are really called: where nobody answers is a failure', async () => {
    const { code, not } = await check({ stores: s3('http://127.0.0.1:1') });
    expect([code, but(not)]).toEqual([1, [expect.stringMatching(/^fail stores d: /)]]);
  });

  it('that are folders are written to, not opened: what another user made would be in the way', async () => {
    const { code, not } = await check();
    expect([code, but(not), readdirSync(join(folder, 'objects'))]).toEqual([0, [], []]);
  });

  it('that are folders which do not exist are warned of', async () => {
    const { code, not } = await check({ stores: 'stores: [{ name: d, type: directory, path: none }]' });
    const message = `${join(folder, 'none')} does not exist; it is made with the first delivery`;
    expect([code, but(not)]).toEqual([0, [`warn stores d: ${message}`]]);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

describe('certificates', () => {
  const listeners = (tls: object) => `listeners: [{ name: x, port: 0, tls: ${JSON.stringify(tls)} }]`;

  it('that end soon, and keys that everybody may read, are warned of', async () => {
    const { server } = await createTestPki(join(folder, 'tls'));
    chmodSync(server.keyFile, 0o644);
    const { not } = await check({
      listeners: listeners({
        certificateFile: server.certificateFile,
        keyFile: server.keyFile,
        clientCaFile: server.caFile,
      }),
    });
    rmSync(join(folder, 'tls'), { recursive: true });
    expect(not).toContainEqual(expect.stringMatching(/^warn listeners x certificate: expires in \d days, on /));
    expect(not).toContain(`warn listeners x: every user of this machine may read ${server.keyFile}`);
  });

  it('with a chain in the wrong order fail', async () => {
    const { server, client } = await createTestPki(join(folder, 'tls'));
    const certificateFile = join(folder, 'chain.pem');
    writeFileSync(
      certificateFile,
      readFileSync(server.certificateFile, 'utf8') + readFileSync(client.certificateFile, 'utf8'),
    );
    const { code, not } = await check({
      listeners: listeners({ certificateFile, keyFile: server.keyFile, clientCaFile: server.caFile }),
    });
    expect(code).toBe(1);
    expect(not).toContain('fail listeners x certificate: certificate 1 in the file was not signed by certificate 2');
  });

  it('are judged by the time that it is', async () => {
    const { server } = await createTestPki(join(folder, 'tls'));
    const certificate = new X509Certificate(readFileSync(server.certificateFile));
    const at = (ms: number) => checkValidity('c', certificate, ms).level;
    const from = certificate.validFromDate.getTime();
    const to = certificate.validToDate.getTime();
    expect([from - 1000, from + 1000, to - 1000, to + 1000, to - 31 * 86_400_000].map(at)).toEqual([
      'fail',
      'warn',
      'warn',
      'fail',
      'fail',
    ]);
  });
});
