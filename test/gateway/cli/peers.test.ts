/** peers and reload where no gateway runs: what is refused, what is written, what a test of a peer says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createTestPki, type TestPki } from '../../support/certificates.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { runInProcess } from './inProcess.ts';

let folder: string;
let config: string;
let pki: TestPki;
let receiver: TestListener;
const fingerprint = 'ab'.repeat(32);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-peers-cli-'));
  config = join(folder, 'gateway.yaml');
  pki = await createTestPki(join(folder, 'pki'));
  receiver = await startListener({ intake: new MemoryIntake() });
});
afterAll(async () => {
  await receiver.stop();
  rmSync(folder, { recursive: true });
});

const write = (peers: string, more = '') =>
  writeFileSync(
    config,
    `site: a
stateDirectory: state
listeners:
  - { name: plain, port: 11112, plain: true }
  - name: tls
    port: 2762
    tls: { certificateFile: ${pki.server.certificateFile}, keyFile: ${pki.server.keyFile}, clientCaFile: ${pki.caFile} }
peers: ${peers}
${more}`,
  );

const medusa = (...args: string[]) => runInProcess([...args, '--config', config]);
const peersNow = () => parse(readFileSync(config, 'utf8')).peers;

describe('used wrongly', () => {
  beforeEach(() => write('[]'));

  it.each([
    [['peers']],
    [['peers', 'add']],
    [['peers', 'add', 'A\\B']],
    [['peers', 'add', 'CT1', '--knock', '1']],
    [['peers', 'add', 'CT1', '--any-address']],
    [['peers', 'add', 'CT1', '--address', '10.0.0']],
    [['peers', 'add', 'CT1', '--fingerprint', 'ab']],
    [['peers', 'add', 'CT1', '--subject', 'ct1']],
    [['peers', 'add', 'CT1', '--sop-class', 'CT']],
    [['peers', 'add', 'CT1', '--priority', 'high']],
    [['peers', 'remove']],
    [['peers', 'test']],
    [['peers', 'test', 'CT1', '--all']],
    [['peers', 'test', 'NOBODY']],
    [['peers', 'test', '--all', '--host', 'x', '--port', '1']],
    [['peers', 'test', '--all', '--listener', 'none']],
    [['peers', 'learn', '--for', '2d']],
    [['peers', 'learn', '--for', '10min', '--off']],
  ])('%j ends with 2 and changes nothing', async (args) => {
    const before = readFileSync(config, 'utf8');
    expect(await medusa(...args)).toMatchObject({ code: 2, out: '' });
    expect(readFileSync(config, 'utf8')).toBe(before);
  });

  it('what needs a gateway says that none runs', async () => {
    for (const args of [['reload'], ['peers', 'learn'], ['peers', 'add', '--knock', '1']]) {
      expect(await medusa(...args)).toMatchObject({
        code: 1,
        err: expect.stringContaining('no gateway is running here'),
      });
    }
  });
});

describe('peers add and remove', () => {
  it('write all that was said, once', async () => {
    write('[]');
    const said = [
      '--address',
      '10.0.0.0/24',
      '--address',
      'fd00::/64',
      '--fingerprint',
      fingerprint.replace(/..(?!$)/g, '$&:'),
    ];
    const more = [
      '--called',
      'OTHER',
      '--priority',
      'urgent',
      '--sop-class',
      '1.2.840.10008.5.1.4.1.1.2',
      '--subject',
      'CN=ct1',
    ];
    const { code, out } = await medusa('peers', 'add', 'CT1', ...said, ...more);
    expect([code, out]).toEqual([0, expect.stringContaining('CT1 is admitted.')]);
    const entry = {
      aeTitle: 'CT1',
      addresses: ['10.0.0.0/24', 'fd00::/64'],
      certificateFingerprints: [fingerprint],
      certificateSubjects: ['CN=ct1'],
      calledAeTitles: ['OTHER'],
      sopClasses: ['1.2.840.10008.5.1.4.1.1.2'],
      priority: 'urgent',
    };
    expect(peersNow()).toEqual([entry]);
    expect(JSON.parse((await medusa('peers', 'add', 'CT1', ...said, ...more, '--json')).out)).toMatchObject({
      ok: true,
      changed: false,
      inForce: 'at-start',
    });
    expect(peersNow()).toEqual([entry]);
    expect(await medusa('peers', 'remove', 'CT1')).toMatchObject({ code: 0 });
    expect(peersNow()).toEqual([]);
    expect(await medusa('peers', 'remove', 'CT1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no peer'),
    });
  });

  it('the last peer with a certificate can be removed, though the listener knows nobody then', async () => {
    write(`[{ aeTitle: CT1, certificateFingerprints: ["${fingerprint}"] }]`);
    const text = readFileSync(config, 'utf8').replace(/, clientCaFile: [^ ]+/, '');
    writeFileSync(config, text);
    expect(await medusa('peers', 'remove', 'CT1')).toMatchObject({ code: 0 });
    expect(peersNow()).toEqual([]);
    const { code, out } = await medusa('check');
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('warn  listeners tls: knows no sender by any certificate'),
    ]);
  });

  it('say when an entry hardly binds anybody, or binds more than before', async () => {
    write('[{ aeTitle: CT2 }]');
    expect((await medusa('peers', 'add', 'CT1')).out).toContain('nothing but its AE title');
    expect((await medusa('peers', 'add', '*')).out).toContain('anybody who reaches a listener');
    const { out } = await medusa('peers', 'add', 'CT2', '--address', '10.0.0.1', '--fingerprint', fingerprint);
    expect(out).toContain('could call from any address before');
    expect(out).toContain('has to show a certificate');
  });

  it('an AE title that looks like an option can be said', async () => {
    write('[]');
    expect(await medusa('peers', 'add', '--address', '10.0.0.1')).toMatchObject({ code: 2 });
    const { code } = await runInProcess(['peers', 'add', '--config', config, '--', '-x']);
    expect([code, peersNow()]).toEqual([0, [{ aeTitle: '-x' }]]);
  });
});

describe('peers list', () => {
  it('shows who may send, without what is secret', async () => {
    write(`[{ aeTitle: CT1, addresses: [10.0.0.1], userIdentity: { user: u, passcode: geheim } }]`);
    const [text, json] = [await medusa('peers', 'list'), await medusa('peers', 'list', '--json')];
    expect(text.out).toMatch(/^CT1 +10\.0\.0\.1 +user identity +normal$/m);
    expect(text.out).toContain('No gateway runs here');
    expect(JSON.parse(json.out)).toMatchObject({
      ok: true,
      running: false,
      peers: [{ aeTitle: 'CT1', needsUserIdentity: true }],
    });
    expect(text.out + json.out).not.toContain('geheim');
  });
});

describe('peers test', () => {
  const results = async (...args: string[]) => {
    const { code, out } = await medusa('peers', 'test', ...args, '--json');
    const { peers } = JSON.parse(out) as {
      peers: Array<{ results: Array<{ level: string; subject: string; message: string }> }>;
    };
    const find = (subject: string) => peers[0]?.results.find((result) => result.subject.startsWith(subject));
    return { code, find };
  };

  it('says what a call would come to on each listener, with all that the peer has to prove', async () => {
    write(
      `[{ aeTitle: CT1, addresses: [10.0.0.0/24], certificateSubjects: ["CN=ct1"], userIdentity: { user: u, passcode: p } }]`,
    );
    const { code, find } = await results('CT1');
    expect(code).toBe(0);
    expect(find('listener tls')).toMatchObject({ level: 'ok', message: expect.stringContaining('would be admitted') });
    expect(find('listener plain')).toMatchObject({
      level: 'ok', // as it should be: another listener admits it
      message: expect.stringMatching(/would be rejected \(1\/1\/3\): the peer has to show its certificate/),
    });
  });

  it.each([
    [['--address', '10.9.9.9'], /rejected \(1\/1\/3\): the peer may not call from this address/],
    [['--called', 'ORTHANC'], /rejected \(1\/1\/7\): the called AE title ORTHANC/],
    [['--listener', 'plain'], /rejected \(1\/1\/3\): the peer has to show its certificate/],
    [['--listener', 'tls', '--subject', 'CN=ct2'], /rejected \(1\/1\/3\): the peer may not use this certificate/],
    [['--listener', 'tls', '--fingerprint', 'cd'.repeat(32)], /rejected \(1\/1\/3\): .*not trusted/],
  ])('fails for a call with %j that would be rejected, and says why', async (args, message) => {
    write('[{ aeTitle: CT1, addresses: [10.0.0.1], certificateSubjects: ["CN=ct1"] }]');
    const { out, code } = await medusa('peers', 'test', 'CT1', ...args);
    expect([code, out]).toEqual([1, expect.stringMatching(message)]);
    expect(out).toMatch(/^fail {2}listener/m);
  });

  it('fails for a peer that can never come in, or whose report has nowhere to go', async () => {
    const report = '{ host: no-such-host.invalid, port: 104 }';
    write(`[{ aeTitle: CT1, certificateFingerprints: ["${fingerprint}"], storageCommitment: { report: ${report} } }]`);
    writeFileSync(config, readFileSync(config, 'utf8').replace(/ {2}- name: tls\n.*\n.*\n/, ''));
    const { code, find } = await results('CT1');
    expect(code).toBe(1);
    expect(find('entry')).toMatchObject({ level: 'fail', message: expect.stringContaining('no listener has TLS') });
    expect(find('listener plain')).toMatchObject({ level: 'fail' });
    expect(find('storageCommitment.report')).toMatchObject({
      level: 'fail',
      message: expect.stringContaining('not known'),
    });
    expect(find('C-ECHO')).toMatchObject({ level: 'fail', message: expect.stringContaining('host name is not known') });
  });

  it('calls the peer back by C-ECHO', async () => {
    write(`[{ aeTitle: CT1, storageCommitment: { report: { host: 127.0.0.1, port: ${receiver.port} } } }]`);
    expect((await results('CT1')).find('C-ECHO')).toMatchObject({
      level: 'ok',
      message: expect.stringContaining('answers'),
    });
    const port = String(receiver.port);
    expect((await results('CT1', '--host', 'localhost', '--port', port)).code).toBe(0);
    const tls = await results('CT1', '--host', '127.0.0.1', '--port', port, '--tls', '--ca', pki.caFile);
    expect([tls.code, tls.find('C-ECHO')?.level]).toEqual([1, 'fail']);
    const closed = await results('CT1', '--host', '127.0.0.1', '--port', '1');
    expect(closed.find('C-ECHO')).toMatchObject({
      level: 'fail',
      message: expect.stringContaining('connection refused'),
    });
  });

  it('warns of what is allowed but seldom meant', async () => {
    write('[{ aeTitle: CT1, sopClasses: ["1.2.840.10008.5.1.4.1.2.1.1"] }]');
    writeFileSync(config, readFileSync(config, 'utf8').replace('name: plain,', 'name: plain, host: 0.0.0.0,'));
    const { code, out } = await medusa('peers', 'test', '--all');
    expect(code).toBe(0);
    expect(out).toContain('warn  entry: over plain DICOM its AE title is all that proves who it is');
    expect(out).toContain('it can send nothing');
    expect(out).toContain('no route takes what it sends');
    expect(out).toContain('warn  seen: no gateway runs here');
  });
});

describe('passcodes', () => {
  it('are fetched like the secrets of stores, and a fault names their key', async () => {
    writeFileSync(join(folder, 'passcode'), 'geheim\n');
    write('[{ aeTitle: CT1, userIdentity: { user: u, passcode: { file: passcode } } }]');
    expect((await medusa('peers', 'test', 'CT1')).out).toContain('would be admitted');
    write('[{ aeTitle: CT1, userIdentity: { user: u, passcode: { env: NO_SUCH_VARIABLE } } }]');
    expect(await medusa('peers', 'test', 'CT1')).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /peers\[0\]\.userIdentity\.passcode: environment variable NO_SUCH_VARIABLE is not set/,
      ),
    });
    write('[{ aeTitle: CT1, certificateSubjects: ["O=A+B"] }]');
    expect((await medusa('peers', 'test', 'CT1')).err).toContain(
      'peers[0].certificateSubjects[0]: is not a distinguished name',
    );
  });
});
