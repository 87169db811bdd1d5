/** Peers of a gateway that runs, as an administrator meets them: the real program, its commands, DCMTK as the senders. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KnockEntry, PeersAnswer } from '../../src/web/peers.ts';
import { tinyStudy, writeStudy } from '../../synthetic/index.ts';
import { runInProcess } from '../gateway/cli/inProcess.ts';
import { type CertificateFiles, createTestPki, type TestPki } from '../support/certificates.ts';
import { dcmtkMissing, echoscu, storescu } from '../support/dcmtkPeers.ts';
import { GatewayProcess } from '../support/gatewayProcess.ts';
import { associateRq, echoRq, RawPeer } from '../support/rawPeer.ts';

const missing = dcmtkMissing();
if (missing) console.warn(`peers against DCMTK: skipped, ${missing}`);

let folder: string;
let config: string;
let gateway: GatewayProcess;
let pki: TestPki;
let port: { plain: number; tls: number };

const write = (peers: string, more = '') =>
  writeFileSync(
    config,
    `# The site of the test.
site: peers
stateDirectory: ${join(folder, 'state')}
listeners:
  - { name: plain, port: 0, plain: true }
  - name: tls
    port: 0
    tls: { certificateFile: ${pki.server.certificateFile}, keyFile: ${pki.server.keyFile}, clientCaFile: ${pki.caFile} }
${peers}
spool: { segmentSize: 4MiB, quota: 64MiB, preallocate: 1, reserve: 0 }
api: { enabled: false } # not here
${more}`,
    { mode: 0o640 },
  );

async function start(): Promise<void> {
  const state = join(folder, 'state');
  gateway = new GatewayProcess({ config, stateDirectory: state, log: join(folder, 'log') });
  const { listeners } = await gateway.ready();
  const at = (name: string) =>
    Number(
      listeners
        .find((one) => one.name === name)
        ?.address.split(':')
        .at(-1),
    );
  port = { plain: at('plain'), tls: at('tls') };
}

const medusa = (...args: string[]) => runInProcess([...args, '--config', config]);
async function peersJson(): Promise<PeersAnswer & { peers: Array<{ aeTitle: string }> }> {
  const { code, out } = await medusa('peers', 'list', '--json');
  expect(code).toBe(0);
  return JSON.parse(out);
}
const knockFrom = async (aeTitle: string): Promise<KnockEntry> => {
  const knock = (await peersJson()).knocks.find(({ callingAeTitle }) => callingAeTitle === aeTitle);
  if (!knock) throw new Error(`${aeTitle} did not knock`);
  return knock;
};
const warnings = async () => (await gateway.status()).warnings.map(({ code }) => code);
const logged = (event: string) =>
  readFileSync(join(folder, 'log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line) as { msg: string });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-peers-'));
  config = join(folder, 'gateway.yaml');
  pki = await createTestPki(join(folder, 'pki'));
});
afterEach(async () => {
  if (gateway?.running) await gateway.kill();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

describe.skipIf(missing)('a new sender in plain DICOM', () => {
  test('is rejected as a stranger, and sends after one command', async () => {
    write('peers: [] # nobody yet');
    await start();
    const { pid } = gateway;
    const target = { port: port.plain, called: 'MEDUSA', calling: 'CT1' };
    const refused = await echoscu(target);
    expect(refused.ok).toBe(false);
    expect(refused.output).toContain('Rejected Permanent, Source: Service User');
    expect(refused.output).toContain('Calling AE Title Not Recognized');
    const [line] = logged('association.rejected');
    expect(line?.msg).toContain(`medusa-gateway peers add CT1 --address 127.0.0.1 --config ${config}`);

    const list = await medusa('peers', 'list');
    expect(list.out).toContain('No peers are configured');
    expect(list.out).toContain('CT1 from 127.0.0.1, OFFIS_DCMTK_');
    expect(list.out).toContain(`medusa-gateway peers add --knock 1 --config ${config}`);
    const added = await medusa('peers', 'add', '--knock', '1');
    expect([added.code, added.err]).toEqual([0, '']);
    expect(added.out).toContain('The running gateway has taken it on.');

    const shown = (await gateway.status()).peers;
    expect(shown).toContainEqual(expect.objectContaining({ aeTitle: 'CT1', associations: 0 }));
    const files = join(folder, 'study');
    writeStudy(files, tinyStudy({ instances: 2, seed: 3 }));
    expect((await echoscu(target)).ok).toBe(true);
    expect(await storescu(target, ['+sd', '+r', files])).toMatchObject({ ok: true });
    expect(gateway.pid).toBe(pid);
    expect(await warnings()).not.toContain('peers.none');
    const now = await peersJson();
    expect(now).toMatchObject({
      knocks: [],
      peers: [{ aeTitle: 'CT1', addresses: ['127.0.0.1'], figures: { instances: 2 } }],
    });
    expect(readFileSync(config, 'utf8')).toContain('# The site of the test.');
    expect(statSync(config).mode & 0o777).toBe(0o640);
    expect(parse(readFileSync(`${config}.bak`, 'utf8')).peers).toEqual([]);

    const again = await medusa('peers', 'add', 'CT1', '--address', '127.0.0.1');
    expect([again.code, again.out]).toEqual([0, expect.stringContaining('Nothing to change')]);
    expect(parse(readFileSync(config, 'utf8')).peers).toHaveLength(1);
  });

  test('that calls us by another name is told so, and may do so after one command', async () => {
    write('peers: [{ aeTitle: CT1, addresses: [127.0.0.1] }]');
    await start();
    const target = { port: port.plain, called: 'ORTHANC', calling: 'CT1' };
    expect((await echoscu(target)).output).toContain('Called AE Title Not Recognized');
    expect(await medusa('peers', 'add', '--knock', String((await knockFrom('CT1')).id))).toMatchObject({ code: 0 });
    expect((await echoscu(target)).ok).toBe(true);
    expect((await echoscu({ ...target, called: 'MEDUSA' })).ok).toBe(true);
  });

  test('has to give its user identity where one is configured', async () => {
    writeFileSync(join(folder, 'passcode'), 'geheim\n');
    write('peers: [{ aeTitle: CT1, userIdentity: { user: ct-1, passcode: { file: passcode } } }]');
    await start();
    const files = join(folder, 'study');
    writeStudy(files, tinyStudy({ instances: 1, seed: 3 }));
    const target = { port: port.plain, called: 'MEDUSA', calling: 'CT1' };
    const send = (...identity: string[]) => storescu(target, ['+sd', '+r', files], identity);
    for (const wrong of [
      [],
      ['-usr', 'ct-1'],
      ['-usr', 'ct-1', '-pwd', 'falsch'],
      ['-usr', 'ct-2', '-pwd', 'geheim'],
    ]) {
      const { ok, output } = await send(...wrong);
      expect([wrong, ok]).toEqual([wrong, false]);
      expect(output).toContain('Rejected Permanent, Source: Service Provider (ACSE Related)');
    }
    expect(await send('-usr', 'ct-1', '-pwd', 'geheim', '-rsp')).toMatchObject({ ok: true });
    expect(readFileSync(join(folder, 'log'), 'utf8')).not.toMatch(/geheim|falsch|ct-2/);
  });
});

/** What a modality makes for itself when its TLS is turned on. */
function selfSigned(name: string): CertificateFiles {
  const [keyFile, certificateFile] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const subject = ['-subj', `/CN=${name}/O=Elsewhere`, '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-out', certificateFile], { stdio: 'pipe' });
  const print = execFileSync('openssl', ['x509', '-noout', '-fingerprint', '-sha256', '-in', certificateFile]);
  const fingerprint = (print.toString().split('=')[1] ?? '').trim().replaceAll(':', '').toLowerCase();
  return { keyFile, certificateFile, caFile: pki.caFile, fingerprint };
}

describe.skipIf(missing)('a sender with a self-signed certificate', () => {
  test('is seen in learn mode, lets nobody in by it, and is pinned by one command', async () => {
    write('peers: []');
    await start();
    const [own, other] = [selfSigned('ct1'), selfSigned('evil')];
    const target = { port: port.tls, called: 'MEDUSA', calling: 'CT1' };
    expect((await echoscu({ ...target, tls: own })).ok).toBe(false);
    expect((await peersJson()).knocks).toEqual([]); // it never came so far

    expect((await medusa('peers', 'learn', '--for', '10min')).out).toContain('ends by itself');
    expect(await warnings()).toContain('peers.learning');
    const refused = await echoscu({ ...target, tls: own });
    expect([refused.ok, refused.output]).toEqual([false, expect.stringContaining('Calling AE Title Not Recognized')]);
    const knock = await knockFrom('CT1');
    expect(knock.certificate).toMatchObject({
      fingerprint: own.fingerprint,
      subject: expect.stringContaining('CN=ct1'),
      problem: expect.stringMatching(/./),
    });
    expect(await medusa('peers', 'add', '--knock', String(knock.id))).toMatchObject({ code: 0 });
    expect((await medusa('peers', 'learn', '--off')).out).toContain('Learn mode is off');
    expect(await warnings()).not.toContain('peers.learning');

    expect((await echoscu({ ...target, tls: own })).ok).toBe(true);
    expect((await echoscu({ ...target, tls: other })).ok).toBe(false);
    expect((await echoscu({ ...target, tls: pki.client })).ok).toBe(false); // trusted, but not the one
    expect((await echoscu({ ...target, port: port.plain })).ok).toBe(false);
    expect(parse(readFileSync(config, 'utf8')).peers).toEqual([
      { aeTitle: 'CT1', addresses: ['127.0.0.1'], certificateFingerprints: [own.fingerprint] },
    ]);
  });

  test('learn mode admits no configured peer with a certificate that nobody vouches for', async () => {
    write('peers: [{ aeTitle: CT1 }, { aeTitle: CT2, certificateSubjects: ["CN=ct1"] }, { aeTitle: "*" }]');
    await start();
    const own = selfSigned('ct1');
    await medusa('peers', 'learn');
    for (const calling of ['CT1', 'CT2', 'CT3']) {
      const { ok, output } = await echoscu({ port: port.tls, called: 'MEDUSA', calling, tls: own });
      expect([calling, ok, output]).toEqual([
        calling,
        false,
        expect.stringContaining('Calling AE Title Not Recognized'),
      ]);
    }
    expect((await echoscu({ port: port.tls, called: 'MEDUSA', calling: 'CT1', tls: pki.client })).ok).toBe(true);
  });
});

describe.skipIf(missing)('two authorities of a listener', () => {
  test('vouch each only for the peers that are bound to it', async () => {
    const both = join(folder, 'both.pem');
    const { caFile, foreignAuthority, authority } = pki;
    writeFileSync(both, readFileSync(caFile, 'utf8') + readFileSync(foreignAuthority.caFile, 'utf8'));
    const own = await authority.issue('ct1', { commonName: 'ct1' });
    const forged = await foreignAuthority.issue('forged', { commonName: 'ct1' });
    const send = { ...forged, caFile };
    write('peers: [{ aeTitle: CT1, certificateSubjects: ["CN=ct1"] }]');
    writeFileSync(config, readFileSync(config, 'utf8').replace(`clientCaFile: ${caFile}`, `clientCaFile: ${both}`));
    await start();
    const target = { port: port.tls, called: 'MEDUSA', calling: 'CT1' };
    expect((await echoscu({ ...target, tls: send })).ok).toBe(true); // that is what is wrong with a subject alone
    const print = new X509Certificate(readFileSync(caFile)).fingerprint256;
    expect(await medusa('peers', 'add', 'CT1', '--issuer', print)).toMatchObject({ code: 0 });
    expect((await echoscu({ ...target, tls: own })).ok).toBe(true);
    expect((await echoscu({ ...target, tls: send })).output).toContain('Calling AE Title Not Recognized');
    expect((await medusa('peers', 'list')).out).toContain(
      `CN=ct1 by ${print.replaceAll(':', '').slice(0, 8).toLowerCase()}…`,
    );
  });
});

describe('a changed configuration', () => {
  const opened = async (calling: string) => {
    const peer = await RawPeer.connect(port.plain);
    peer.send(associateRq({ callingAeTitle: calling, calledAeTitle: 'MEDUSA' }));
    return { peer, answer: await peer.answer() };
  };

  test('ends the open associations of those whom it admits no more, and no other', async () => {
    write('peers:\n  - aeTitle: CT1 # first\n  - aeTitle: CT2\n  - { aeTitle: CT3, addresses: [127.0.0.1] }');
    await start();
    const peers = await Promise.all(['CT1', 'CT2', 'CT3'].map(opened));
    expect(peers.map(({ answer }) => answer)).toEqual(['AC', 'AC', 'AC']);
    const [removed, other, narrowed] = peers.map(({ peer }) => peer) as [RawPeer, RawPeer, RawPeer];
    expect(await medusa('peers', 'remove', 'CT1')).toMatchObject({ code: 0 });
    expect(await removed.answer()).toMatch(/^ABORT/);
    const ended = () => logged('association.aborted').map(({ msg }) => msg);
    expect(ended()).toEqual([expect.stringContaining('admits this sender no more: the calling AE title is not among')]);
    const second = await opened('CT1');
    expect(second.answer).toBe('RJ 1/1/3');
    for (const peer of [other, narrowed]) {
      peer.send(echoRq(7));
      expect(await peer.answer()).toBe('status 0000 to 7');
    }

    // Another limit or called title of one that is in does not end it; another address does.
    write(
      'aeTitle: OTHER\npeers: [{ aeTitle: CT2, limits: { associations: 1 } }, { aeTitle: CT3, addresses: [10.0.0.1] }]',
    );
    expect(await medusa('reload')).toMatchObject({ code: 0 });
    expect(await narrowed.answer()).toMatch(/^ABORT/);
    expect(ended()[1]).toContain('may not call from this address');
    other.send(echoRq(9));
    expect(await other.answer()).toBe('status 0000 to 9');
    other.send({ type: 'release-rq' });
    expect(await other.answer()).toBe('RELEASE-RP');
    for (const peer of [removed, other, narrowed, second.peer]) peer.destroy();
  });

  test('is taken on for new associations', async () => {
    write('peers: [{ aeTitle: CT2 }]');
    await start();

    write('peers: [{ aeTitle: CT2, limits: { associations: 1 } }]', 'log: { level: warn }\n');
    const reload = await medusa('reload');
    expect([reload.code, reload.out]).toEqual([0, expect.stringContaining('In force now: log.level')]);
    const first = await opened('CT2');
    const over = await opened('CT2');
    expect([first.answer, over.answer]).toEqual(['AC', 'RJ 2/3/2']);
    first.peer.destroy();
    over.peer.destroy();
  });

  test('with a problem changes nothing, is named with its line, and warns until it is mended; SIGHUP does the same', async () => {
    write('peers: [{ aeTitle: CT1 }]');
    await start();
    write('peers: [{ aeTitle: CT2 }]', 'limits: { idleTimeout: soon }\n');
    const reload = await medusa('reload');
    expect([reload.code, reload.out]).toEqual([1, '']);
    expect(reload.err).toMatch(/gateway\.yaml:\d+:\d+: limits\.idleTimeout: is not a duration/);
    expect(reload.err).toContain('Nothing was changed');
    expect(await warnings()).toContain('config.reload-refused');
    const still = await opened('CT1');
    expect(still.answer).toBe('AC');
    still.peer.destroy();

    write('peers: [{ aeTitle: CT2 }]');
    process.kill(gateway.pid, 'SIGHUP');
    await expect.poll(() => logged('config.reloaded').length, { timeout: 20_000 }).toBe(1);
    expect(await warnings()).not.toContain('config.reload-refused');
    const [old, fresh] = [await opened('CT1'), await opened('CT2')];
    expect([old.answer, fresh.answer]).toEqual(['RJ 1/1/3', 'AC']);
    old.peer.destroy();
    fresh.peer.destroy();

    write('peers: nobody');
    process.kill(gateway.pid, 'SIGHUP');
    await expect.poll(() => logged('config.reload-refused').length, { timeout: 20_000 }).toBe(2);
    expect(gateway.running).toBe(true);

    // Who knocked, and how the peers of the running gateway do, is to be seen all the same, after what is wrong.
    const list = await medusa('peers', 'list');
    expect([list.code, list.err]).toEqual([1, expect.stringMatching(/gateway\.yaml:\d+:\d+: peers: /)]);
    expect(list.out).toMatch(/^CT2 +\S/m);
    expect(list.out).toContain('CT1 from 127.0.0.1');
    expect(list.out).toContain('once the file is sound: medusa-gateway peers add --knock');
    const { ok, error, knocks } = JSON.parse((await medusa('peers', 'list', '--json')).out);
    expect([ok, error.code, knocks.length]).toEqual([false, 'config.refused', 1]);
    expect((await medusa('peers', 'add', '--knock', '1')).code).toBe(1);
  });

  test('a change that would break the file is not written', async () => {
    write(
      'peers: [{ aeTitle: CT1 }]',
      'stores: [{ name: s, type: directory, path: x }]\nroutes: [{ name: r, store: s, match: { peers: [CT1] } }]\n',
    );
    const before = readFileSync(config, 'utf8');
    const removed = await medusa('peers', 'remove', 'CT1');
    expect([removed.code, removed.err]).toEqual([1, expect.stringContaining('Nothing was written')]);
    expect(readFileSync(config, 'utf8')).toBe(before);
    expect((await medusa('peers', 'add', 'CT3', '--address', '10.0.0.1')).out).toContain('takes effect when it starts');
  });
});

describe('what a stranger may call itself', () => {
  const titles = [
    'A\nB',
    'A\r\n- x: y',
    '\x1b[31mred\x07',
    'a: b',
    '"',
    "'; reboot; '",
    '$(reboot)',
    '`id`',
    '*',
    '- aeTitle: "*"',
    '#',
    '&a',
    '!!str',
    '{}',
    '[]',
    '--any-address',
    '-c',
    'true',
    '1e3',
    '~',
    '\u00e9\u00ff',
    'A\\B',
    '%',
    '|',
    '>',
    'null',
  ];

  test('never comes through: not into the terminal, not into the file', async () => {
    write('peers:\n  - aeTitle: CT1 # first');
    await start();
    const contexts = [{ id: 1, abstractSyntax: '1.2\n- x', transferSyntaxes: ['"; x', '1.2.840.10008.1.2'] }];
    let admitted = 0;
    for (const title of titles) {
      const peer = await RawPeer.connect(port.plain);
      peer.send(associateRq({ callingAeTitle: title, calledAeTitle: 'MEDUSA', contexts }));
      expect([title, await peer.answer()]).toEqual([title, 'RJ 1/1/3']);
      peer.destroy();
      const list = await medusa('peers', 'list');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
      expect(list.out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
      const [knock] = (await peersJson()).knocks;
      expect([knock?.sopClasses, knock?.transferSyntaxes]).toEqual([[], ['1.2.840.10008.1.2']]);
      const before = parse(readFileSync(config, 'utf8'));
      const { code, err } = await medusa('peers', 'add', '--knock', String(knock?.id));
      const isTitle = /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(title) && title !== '*';
      expect([title, code]).toEqual([title, isTitle ? 0 : 1]);
      if (isTitle) before.peers.push({ aeTitle: title, addresses: ['127.0.0.1'] });
      else expect(err).toContain('cannot be admitted');
      expect(parse(readFileSync(config, 'utf8'))).toEqual(before);
      admitted += Number(isTitle);
    }
    expect(admitted).toBeGreaterThan(10);
    expect(readFileSync(config, 'utf8')).toContain('  - aeTitle: CT1 # first\n');
    expect((await medusa('reload')).code).toBe(0);
  });
});
