/** The commands of `app`: with folders of manifests and DICOM files, and against a real API at a real socket. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryLog } from '../../../src/base/log.ts';
import { type Api, startApi } from '../../../src/web/server.ts';
import { ctStudy } from '../../../synthetic/index.ts';
import { sampleSources } from '../../web/sampleStatus.ts';
import { runInProcess } from './inProcess.ts';

const broken = 'name: broken\nversion: 1.0.0\nscop: study\n';
const metadata = (version: string, promise: string) =>
  `name: meta\nversion: ${version}\ndataPart:\n  steps: [metadata]\n  placement: { bandwidth: "results must be < ${promise} % of input" }\n`;
const cloud = 'cloudPart: { image: registry.example.org/meta:1.0.0, infrastructure: { cores: 2, memory: 4GiB } }\n';

const folder = mkdtempSync(join(tmpdir(), 'medusa-app-cli-'));
const at = (...path: string[]) => join(folder, ...path);
const sources = sampleSources();
let api: Api;

beforeAll(async () => {
  const write = (path: string, text: string | Buffer) => {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), text);
  };
  write('apps/one/application.yaml', metadata('1.0.0', '90') + cloud);
  write('apps/two/application.yaml', metadata('1.1.0', '0.001'));
  write('all/one/application.yaml', metadata('1.0.0', '90'));
  write('all/broken/application.yaml', broken);
  const routes = (application: string) =>
    `site: a\nstateDirectory: state\napplications: { directory: all }\nstores: [{ name: s, type: directory, path: store }]\nroutes:\n  - name: r\n    store: s\n    application: ${application}\n`;
  write('good.yaml', routes('meta'));
  write('bad.yaml', routes('broken'));
  for (const [index, slice] of [...ctStudy({ slices: 3, rows: 64, columns: 64, seed: 5 })].entries()) {
    write(`study/${index}.dcm`, slice.part10());
  }
  write('study/notes.txt', 'no DICOM');
  api = await startApi({ socketPath: at('api.sock'), tcp: undefined, sources, log: createMemoryLog().log });
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('app validate', () => {
  it('names what is sound', async () => {
    expect(await runInProcess(['app', 'validate', at('apps/one')])).toMatchObject({
      code: 0,
      out: 'meta@1.0.0 is sound\n',
    });
  });

  it('says line and hint of what is not, and fails', async () => {
    const { code, out, err } = await runInProcess(['app', 'validate', at('all')]);
    expect([code, out]).toEqual([1, 'meta@1.0.0 is sound\n']);
    expect(err).toContain(
      `${at('all/broken/application.yaml')}:3:1: scop: is not a known key\n    did you mean "scope"?`,
    );
    const json = await runInProcess(['app', 'validate', at('all'), '--json']);
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      sound: ['meta@1.0.0'],
      problems: [{ line: 3, column: 1 }],
    });
  });
});

describe('app list', () => {
  it('shows versions, promises and the routes that use them', async () => {
    const { code, out, err } = await runInProcess(['app', 'list', '--config', at('good.yaml')]);
    expect(out).toMatch(/^meta +1\.0\.0 +study +< 90 % +1 +r +metadata$/m);
    expect(err).toContain('scop: is not a known key');
    expect(code).toBe(1);
  });

  it('is sound when all are', async () => {
    const { code, out } = await runInProcess(['app', 'list', '--directory', at('apps'), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out).applications.map((one: { version: string }) => one.version)).toEqual(['1.1.0', '1.0.0']);
  });

  it('is a usage error without a place to look', async () => {
    expect(await runInProcess(['app', 'list'])).toMatchObject({ code: 2 });
  });
});

it('app show: the highest version, the one that is asked for, as JSON and as CORDS', async () => {
  const show = (...more: string[]) => runInProcess(['app', 'show', ...more, '--directory', at('apps')]);
  expect((await show('meta')).out).toContain('version: 1.1.0\n');
  expect(JSON.parse((await show('meta@1.0.0', '--json')).out)).toMatchObject({ ok: true, promisedRatio: 0.9 });
  expect((await show('meta@1.0.0', '--cords')).out).toContain(
    '<compute name="meta:cloud" architecture="any" cores="2" memory="4G"/>',
  );
  const none = await show('mta');
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('did you mean "meta"?')]);
});

it('app export and app import: what goes out comes back', async () => {
  const { out } = await runInProcess(['app', 'export', at('apps/one')]);
  writeFileSync(at('meta.xml'), out);
  const first = await runInProcess(['app', 'import', at('meta.xml'), '--out', at('imported')]);
  expect(first).toMatchObject({ code: 0, err: '' });
  const shown = await runInProcess(['app', 'show', at('imported/meta'), '--cords']);
  expect(shown.out).toBe(out);
  const again = await runInProcess(['app', 'import', at('meta.xml'), '--out', at('imported')]);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('is there already')]);
});

describe('app run', () => {
  it('makes results, and compares them with the promise', async () => {
    const { code, out } = await runInProcess(['app', 'run', at('study'), '--app', at('apps/one'), '--out', at('made')]);
    expect(code).toBe(0);
    expect(out).toMatch(/^used +.*study\/0\.dcm$/m);
    expect(out).toMatch(/^passed over .*notes\.txt: not a DICOM object/m);
    expect(out).toMatch(/^out +.* of it \(promised < 90\.0 %, kept\)$/m);
    expect(out).toMatch(/^20 Mbit\/s +.* whole, .* split$/m);
    const record = JSON.parse(readFileSync(at('made/run.json'), 'utf8'));
    for (const { name } of record.results) expect(existsSync(at('made/results', name))).toBe(true);
    expect(record.results).toHaveLength(3);
  });

  it('fails when the promise is broken', async () => {
    const { code, out } = await runInProcess(['app', 'run', at('study'), '--app', at('apps/two'), '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      version: '1.1.0',
      totals: { kept: false, promisedRatio: 0.00001 },
    });
  });

  it('takes no folder that holds something, and no application that is not sound', async () => {
    const full = await runInProcess(['app', 'run', at('study'), '--app', at('apps/one'), '--out', at('study')]);
    expect([full.code, full.err]).toEqual([1, expect.stringContaining('is there already and not empty')]);
    const unsound = await runInProcess(['app', 'run', at('study'), '--app', at('all/broken')]);
    expect([unsound.code, unsound.err]).toEqual([1, expect.stringContaining('application.yaml:3:1')]);
  });
});

describe('runs of a running gateway', () => {
  const socket = () => ['--socket', api.socketPath];

  it('are listed, and shown with what became of each instance', async () => {
    const list = await runInProcess([
      'app',
      'runs',
      '--state',
      'quarantined',
      '--app',
      'ct-quantification',
      ...socket(),
    ]);
    expect(list.out).toMatch(
      /^ *12 +quarantined +ct-quantification@1\.0\.0 +2 +40 +16 MiB +3 +application\.timeout +series 1\.3$/m,
    );
    expect(sources.asked.at(-1)).toEqual({ states: ['quarantined'], application: 'ct-quantification', limit: 100 });
    const one = await runInProcess(['app', 'runs', '12', ...socket()]);
    expect(one.out).toMatch(/^quarantined +1\.4\.1 +deidentify\.burned-in +Burned In Annotation/m);
    expect(await runInProcess(['app', 'runs', '13', ...socket()])).toMatchObject({ code: 1 });
  });

  it('are tried again, one or all', async () => {
    expect((await runInProcess(['app', 'retry', '12', ...socket()])).out).toBe('1 run is tried again.\n');
    expect((await runInProcess(['app', 'retry', '--all', ...socket()])).out).toBe('2 runs are tried again.\n');
    expect(await runInProcess(['app', 'retry', '99', ...socket()])).toMatchObject({ code: 1 });
    expect(await runInProcess(['app', 'retry', ...socket()])).toMatchObject({ code: 2 });
  });
});

describe('app reidentify', () => {
  it('wants a reason, and texts that are no names', async () => {
    const ask = (...args: string[]) => runInProcess(['app', 'reidentify', ...args, '--config', at('good.yaml')]);
    expect(await ask('2.25.1')).toMatchObject({ code: 2 });
    expect(await ask('Doe^John', '--reason', 'ticket 1')).toMatchObject({ code: 2 });
  });
});

it('check names the line of a route whose application is not sound', async () => {
  const { code, out, err } = await runInProcess(['check', '--config', at('bad.yaml')]);
  expect(code).toBe(1);
  expect(out + err).toContain(`${at('bad.yaml')}:8:18: routes[0].application: there is no application "broken"`);
});
