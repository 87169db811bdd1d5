/** Foreign data parts that misbehave, in the real gateway: each is contained, named and set aside, and everything else goes on. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RunEntry } from '../../src/web/status.ts';
import { ctStudy } from '../../synthetic/index.ts';
import { missingPackages } from '../support/debianPackages.ts';
import type { GatewayProcess } from '../support/gatewayProcess.ts';
import {
  appOf,
  filesIn,
  isDelivered,
  isSettled,
  proofOf,
  retryRun,
  runOf,
  runsOf,
  writeApplication,
} from './applicationSite.ts';
import { createSite, type Site, type SiteOptions, storeOf, until } from './site.ts';

const missing = missingPackages([
  { program: 'bwrap', package: 'bubblewrap' },
  { program: 'python3', package: 'python3' },
]);
if (missing) console.warn(`skipped: foreign data parts: ${missing}`);

const withoutBubblewrap = fileURLToPath(new URL('../support/children/gatewayWithoutBubblewrap.ts', import.meta.url));

const good = `import json, os
study = json.load(open("/input/study.json"))
files = [one["file"] for one in study["instances"]]
with open("/output/count.json", "w") as out: json.dump({"instances": len(files)}, out)
json.dump({"format": "medusa.result/1", "files": [
  {"path": "count.json", "contentType": "application/json", "from": files}]}, open("/output/result.json", "w"))
`;
/** Says that it found something in the way that a gateway would deliver. */
const tell = `
def tell(found):
  if not found: raise SystemExit(7)
  open("/output/found.txt", "w").write(repr(found))
  json.dump({"format": "medusa.result/1", "files": [
    {"path": "found.txt", "contentType": "text/plain", "from": ["000001.dcm"]}]}, open("/output/result.json", "w"))
`;

/** By name: the program, with the code and the words of its end. All have the word `unruly` in their command line. */
const unruly: Record<string, { source: string; code: string; message: string }> = {
  loops: {
    source: 'import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: signal.pause()',
    code: 'application.wall-time',
    message: 'limits.wall',
  },
  forks: {
    source:
      'import os, time\nwhile True:\n try:\n  if os.fork() == 0:\n   os.setsid()\n   time.sleep(1000)\n except OSError: time.sleep(0.1)',
    code: 'application.processes',
    message: 'limits.processes',
  },
  hoards: {
    // Not faster than ten looks a second: what is faster ends at the kernel's backstop, and is named by its exit status.
    source: 'import time\nheld = []\nwhile True: held.append(bytearray(b"x" * 4194304)); time.sleep(0.01)',
    code: 'application.memory',
    message: 'limits.memory',
  },
  floods: {
    source: 'with open("/output/flood", "wb") as out:\n while True: out.write(b"x" * 65536)',
    code: 'application.output-size',
    message: 'limits.output',
  },
  calls: {
    source: `import json, socket, sys${tell}
reached = []
for host, port in (("127.0.0.1", int(PORT)), ("10.0.0.1", 80), ("1.1.1.1", 53)):
  try:
    socket.create_connection((host, port), 2); reached.append(host)
  except OSError as error: print(host, error)
tell(reached)`,
    code: 'application.exit',
    message: '7',
  },
  prowls: {
    source: `import glob, json, os${tell}
found = [path for path in (SITE, SITE + "/state", "/var/lib/medusa-gateway", "/root", "/home") if os.path.exists(path)]
for folder, _, files in os.walk("/"):
  if folder.startswith(("/proc", "/sys", "/usr", "/input")): continue
  found += [folder + "/" + name for name in files if name.endswith((".dcm", ".seg", ".sqlite"))]
found += [path for path in glob.glob("/proc/[0-9]*/environ") if b"MEDUSA_TEST_SECRET" in open(path, "rb").read()]
if len([name for name in os.listdir("/input") if name.endswith(".dcm")]) != 3: found.append("other instances")
tell(found)`,
    code: 'application.exit',
    message: '7',
  },
  strays: {
    source: `import json
data = open("/input/000001.dcm", "rb").read()
uid = json.load(open("/input/study.json"))["studyInstanceUid"].encode()
assert uid in data
open("/output/stray.dcm", "wb").write(data.replace(uid, uid[:-1] + (b"1" if uid[-1:] != b"1" else b"2")))
json.dump({"format": "medusa.result/1", "files": [
  {"path": "stray.dcm", "contentType": "application/dicom", "dicom": True, "from": ["000001.dcm"]}]}, open("/output/result.json", "w"))`,
    code: 'application.other-study',
    message: 'another study',
  },
  forgets: {
    source: 'open("/output/forgotten.txt", "w").write("x")',
    code: 'application.bad-result',
    message: 'result.json',
  },
};
const unrulyNames = Object.keys(unruly);

const manifestOf = (name: string, version = '1.0.0') => `name: ${name}
version: ${version}
description: one of the programs of a test
scope: study
select: { modality: [CT] }
dataPart:
  steps: [deidentify: { options: [retainModifiedDates] }]
  command: [/usr/bin/python3, unruly.py]
  limits: { memory: 160MiB, cpu: 1, wall: 8s, output: 1MiB, processes: 8 }
deliver: results
`;

const configuration = (
  names: readonly string[],
) => `spool: { segmentSize: 8MiB, quota: 256MiB, preallocate: 1, reserve: 0 }
study: { quietSeconds: 1 }
stores:
  - { name: results, type: directory, path: ./store/results }
  - { name: archive, type: directory, path: ./store/archive }
applications: { directory: ./apps }
processing: { retry: { initial: 100ms, cap: 1s }, quarantineAfter: 2 }
routes:
  - { name: archive, store: archive }
${names.map((name) => `  - { name: ${name}, match: { peers: [${name.toUpperCase()}] }, store: results, application: ${name} }`).join('\n')}
`;

let site: Site;
let server: Server | undefined;
afterEach(async () => {
  server?.close();
  server = undefined;
  await site?.remove();
});

const peersOf = (names: readonly string[]) =>
  `[${names.map((name) => `{ aeTitle: ${name.toUpperCase()} }`).join(', ')}]`;

function createUnrulySite(names: readonly string[], options: SiteOptions = {}): void {
  site = createSite(configuration(names), { peers: peersOf(names), ...options });
}

const ct = (seed: number) => [...ctStudy({ slices: 3, seed, rows: 32, columns: 32 })];

/** On one association, so that its end is the end of the study. */
const send = (folder: string, name: string, seed: number) =>
  site.send(site.write(folder, ct(seed)), { calling: name.toUpperCase(), associations: 1 });

const processesWith = (marker: string) =>
  spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line.includes(marker) && !line.includes('ps -eo'));

/** Nothing is left of any run but those that are kept. */
function expectClean(): void {
  expect(processesWith('unruly.py')).toEqual([]);
  const state = site.stateDirectory;
  expect(readdirSync(join(state, 'sandbox'))).toEqual(['files']);
  const left = readdirSync(join(state, 'spool', 'runs'), { recursive: true }).map(String);
  expect(left.filter((name) => /stage|\.tmp/.test(name))).toEqual([]);
}

const lastWords = ({ id }: RunEntry) => {
  const files = readdirSync(site.stateDirectory, { recursive: true }).map(String);
  const file = files.find((name) => name.endsWith(`task-${id}.txt`)) ?? '';
  return readFileSync(join(site.stateDirectory, file), 'utf8');
};
const wordsOf = ({ lastError }: RunEntry) => [lastError?.code, lastError?.message];

describe.skipIf(missing !== undefined)('foreign data parts in the gateway', () => {
  test('each that misbehaves is ended, named and set aside, while good ones and plain routes go on', async () => {
    let calls = 0;
    server = createServer((socket) => {
      calls += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    createUnrulySite([...unrulyNames, 'good'], { env: { MEDUSA_TEST_SECRET: 'unseen' } });
    for (const [name, { source }] of Object.entries(unruly)) {
      const text = source.replace('PORT', String(port)).replaceAll('SITE', JSON.stringify(site.directory));
      writeApplication(site, name, { 'application.yaml': manifestOf(name), 'unruly.py': text });
    }
    writeApplication(site, 'good', { 'application.yaml': manifestOf('good'), 'unruly.py': good });
    const gateway = await site.start();
    for (const [at, name] of unrulyNames.entries()) {
      await send(name, name, at + 1);
    }
    await until(gateway, ({ applications }) => applications.some(({ tasks }) => tasks.running > 0), 'running');
    await send('good', 'good', 100);
    const meanwhile = await until(gateway, (now) => appOf(now, 'good').runs === 1, 'the good one', 120_000);
    expect(meanwhile.applications.length).toBe(unrulyNames.length + 1);
    const status = await until(gateway, (now) => isSettled(now) && isDelivered(now), 'settled', 180_000);
    const runs = await runsOf(site);
    for (const [name, { code, message }] of Object.entries(unruly)) {
      const run = runs.find(({ application }) => application === name);
      expect(run, name).toMatchObject({ state: 'quarantined', instances: 3, lastError: { code } });
      expect(run?.lastError?.message, name).toContain(message);
      expect(status.warnings.map(({ subject }) => subject)).toContain(`${name}@1.0.0`);
    }
    expect(appOf(status, 'good').tasks).toMatchObject({ finished: 1, quarantined: 0 });
    expect(storeOf(status, 'archive').delivered).toBeGreaterThanOrEqual(3 * (unrulyNames.length + 1));
    expect(filesIn(site, 'store/results').filter((file) => /\/results\/\w+\/1/.test(file))).toHaveLength(1);
    expect(calls).toBe(0);
    // A run's folders and processes go a moment after it is told.
    await vi.waitFor(expectClean, { timeout: 20_000, interval: 100 });
    await gateway.stop();
    expect(processesWith(site.directory)).toEqual([]);
    for (const store of ['results', 'archive']) {
      expect(await proofOf(site, store)).toMatchObject({ missing: [], faults: [] });
    }
  }, 300_000);

  test('mended, it succeeds when it is tried again: under the same version, and under a new one', async () => {
    createUnrulySite(['fails', 'breaks']);
    const failing = 'import sys\nprint("the scanner was moved", file=sys.stderr)\nraise SystemExit(3)';
    for (const name of ['fails', 'breaks']) {
      writeApplication(site, name, { 'application.yaml': manifestOf(name), 'unruly.py': failing });
    }
    let gateway: GatewayProcess = await site.start();
    await send('first', 'fails', 1);
    await send('second', 'breaks', 2);
    await until(gateway, ({ applications: all }) => all.every(({ tasks }) => tasks.quarantined === 1), 'set aside');
    const quarantined = await runsOf(site, 'quarantined');
    for (const run of quarantined) {
      expect(wordsOf(run)).toEqual(['application.exit', expect.stringContaining('status 3')]);
      expect(lastWords(run)).toContain('the scanner was moved');
    }
    const idOf = (name: string) => quarantined.find(({ application }) => application === name)?.id ?? 0;

    writeApplication(site, 'fails', { 'unruly.py': good });
    expect(await retryRun(site, idOf('fails'))).toBe(1);
    await until(gateway, (now) => appOf(now, 'fails').runs === 1, 'mended');
    expect(await runOf(site, idOf('fails'))).toMatchObject({ state: 'finished', version: '1.0.0', revision: 1 });

    await gateway.stop();
    writeApplication(site, 'breaks-1.0.1', { 'application.yaml': manifestOf('breaks', '1.0.1'), 'unruly.py': good });
    gateway = await site.start();
    expect(await retryRun(site, idOf('breaks'))).toBe(1);
    const status = await until(gateway, (now) => appOf(now, 'breaks', '1.0.1').runs === 1 && isDelivered(now), 'new');
    expect(appOf(status, 'breaks', '1.0.0').tasks).toMatchObject({ skipped: 1, quarantined: 0 });
    expect(status.spool.instances).toMatchObject({ delivered: 6, quarantined: 0 });
    const outrun = await runOf(site, idOf('breaks'));
    expect(wordsOf(outrun)).toEqual(['work.superseded', 'version 1.0.1 has taken its place']);
    const results = filesIn(site, 'store/results').flatMap(
      (file) => /\/results\/(\w+\/[\d.]+\/.*)$/.exec(file)?.[1] ?? [],
    );
    expect(results.sort()).toEqual(['breaks/1.0.1/count.json', 'fails/1.0.0/count.json']);
    await gateway.stop();
    expect(await proofOf(site, 'results')).toMatchObject({ missing: [], faults: [] });
  }, 180_000);

  test('without bubblewrap nothing of it runs, which is said', async ({ skip }) => {
    if (spawnSync('unshare', ['--mount', 'true']).status !== 0) skip('no mount namespace can be made here');
    createUnrulySite(['good'], { program: withoutBubblewrap });
    const marker = join(site.directory, 'ran-unsandboxed');
    const source = `open(${JSON.stringify(marker)}, "w").close() if __import__("os").path.isdir(${JSON.stringify(site.directory)}) else None\n${good}`;
    writeApplication(site, 'good', { 'application.yaml': manifestOf('good'), 'unruly.py': source });
    const gateway = await site.start();
    await send('study', 'good', 1);
    const status = await until(
      gateway,
      (now) => now.applications[0]?.waitsFor !== undefined && storeOf(now, 'archive').delivered >= 3,
      'waiting',
    );
    expect(appOf(status, 'good')).toMatchObject({
      tasks: { finished: 0, quarantined: 0 },
      waitsFor: { code: 'sandbox.unavailable', hint: expect.stringContaining('apt-get install bubblewrap') },
    });
    expect(status.warnings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['sandbox.unavailable', 'app.waits']),
    );
    const [run] = await runsOf(site, 'due', 'gathering');
    expect(wordsOf(run as RunEntry)).toEqual([
      'sandbox.unavailable',
      expect.stringContaining('bubblewrap is not installed'),
    ]);
    expect(existsSync(marker)).toBe(false);
    expect(filesIn(site, 'store').filter((file) => /\/results\/\w+\/1/.test(file))).toEqual([]);
    await gateway.stop();
  }, 180_000);
});
