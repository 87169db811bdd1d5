/** status and queue, against a real API at a real socket, as processes of their own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryLog } from '../../../src/base/log.ts';
import { type Api, startApi } from '../../../src/web/server.ts';
import { sampleSources, sampleStatus } from '../../web/sampleStatus.ts';
import { runProgram } from './cli.ts';

let folder: string;
let api: Api;
let byConfig: string[];
let bySocket: string[];
const sources = sampleSources();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-running-'));
  const config = join(folder, 'gateway.yaml');
  // A key that this user may not even see is no obstacle to asking how the gateway is.
  const tls = '{ certificateFile: none.crt, keyFile: none.key, clientCaFile: none.ca }';
  writeFileSync(config, `site: a\nstateDirectory: .\nlisteners: [{ name: x, port: 1, tls: ${tls} }]\n`);
  api = await startApi({ socketPath: join(folder, 'api.sock'), tcp: undefined, sources, log: createMemoryLog().log });
  byConfig = ['--config', config];
  bySocket = ['--socket', api.socketPath];
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('status', () => {
  it('is text for people', async () => {
    const { code, out, err } = await runProgram(['status', ...byConfig]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('clinic-north: MEDUSA Edge Gateway 1.2.3, AE title MEDUSA, running for 3 h');
    expect(out).toContain('ERROR: A store cannot be reached, for 10 min');
    expect(out).toContain('Spool: 5 GiB of 20 GiB (25 %)');
    expect(out).toMatch(/^ceph +1 234 +0 +3 765 +2 GiB +0 +waiting, next attempt in 30 s: connection refused$/m);
  });

  it('is to be had while the configuration file is not sound', async () => {
    const unsound = join(folder, 'unsound.yaml');
    writeFileSync(unsound, 'site: a\nstateDirectory: .\nnone: 1\n');
    expect(await runProgram(['status', '--config', unsound])).toMatchObject({ code: 0, err: '' });
  });

  it('is one JSON object for programs', async () => {
    const { code, out } = await runProgram(['status', '--json', ...bySocket]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ ok: true, ...sampleStatus() });
  });
});

describe('queue', () => {
  it('list shows what is there and how to go on', async () => {
    const { code, out } = await runProgram(['queue', 'list', '--state', 'quarantined', '--store', 'ceph', ...bySocket]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ +7 +quarantined +ceph +512 KiB +10 +store.refused +medusa\/clinic-north\/.*1\.4\.dcm$/m);
    expect(out).toContain('--after 7');
    expect(sources.asked.at(-1)).toEqual({ states: ['quarantined'], store: 'ceph', limit: 100 });
  });

  it('show tells all about one', async () => {
    const { code, out } = await runProgram(['queue', 'show', '7', ...bySocket]);
    expect([code, out]).toEqual([0, expect.stringContaining('last error:   403 AccessDenied (store.refused')]);
    const none = await runProgram(['queue', 'show', '8', ...bySocket]);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('error: there is no delivery 8')]);
  });

  it('retry asks for one or for all', async () => {
    expect(await runProgram(['queue', 'retry', '7', ...bySocket])).toMatchObject({
      code: 0,
      out: '1 delivery is tried again.\n',
    });
    expect(sources.asked.at(-1)).toEqual({ id: 7 });
    const all = await runProgram(['queue', 'retry', '--all', '--json', ...byConfig]);
    expect([all.code, JSON.parse(all.out)]).toEqual([0, { ok: true, retried: 3 }]);
    expect(sources.asked.at(-1)).toEqual({ all: true });
  });
});

it('a gateway that does not run is named, with what to do', async () => {
  const { code, out, err } = await runProgram(['status', '--socket', join(folder, 'none.sock')]);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain('error: no gateway is running here');
  expect(err).toContain('medusa-gateway run --config FILE');
  const json = await runProgram(['status', '--json', '--socket', join(folder, 'none.sock')]);
  expect([json.code, JSON.parse(json.out)]).toEqual([
    1,
    { ok: false, error: expect.objectContaining({ code: 'api.not-running' }) },
  ]);
});
