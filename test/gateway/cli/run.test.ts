/** `run` as systemd runs it: the real program, stopped by a signal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram } from './cli.ts';

const program = fileURLToPath(new URL('../../../bin/medusa-gateway', import.meta.url));
let folder: string;
let config: string;
let running: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-run-'));
  config = join(folder, 'gateway.yaml');
  writeFileSync(
    config,
    `site: a
stateDirectory: state
listeners: [{ name: x, port: 0, plain: true }]
peers: [{ aeTitle: CT1 }]
spool: { quota: 16MiB, segmentSize: 4MiB }
api: { port: 0 }
`,
  );
});
afterEach(() => {
  running?.kill('SIGKILL');
  running = undefined;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

type Line = Record<string, unknown> & { event: string };

/** Starts the gateway; resolves when it says that it is up. */
async function start(): Promise<{ child: ChildProcess; lines: Line[] }> {
  const child = spawn(program, ['run', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  running = child;
  const lines: Line[] = [];
  await new Promise<void>((resolve, reject) => {
    const onLine = (text: string) => {
      const line = JSON.parse(text) as Line; // whatever is no JSON fails the test
      lines.push(line);
      if (line.event === 'gateway.started') resolve();
    };
    createInterface({ input: child.stdout }).on('line', onLine);
    child.on('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  return { child, lines };
}

it.each(['SIGTERM', 'SIGINT'] as const)(
  'answers status while it runs, and %s ends it in order with 0',
  async (signal) => {
    const { child, lines } = await start();
    const status = await runProgram(['status', '--json', '--config', config]);
    expect([status.code, JSON.parse(status.out)]).toMatchObject([
      0,
      { ok: true, site: 'a', listeners: [{ listening: true }] },
    ]);
    const ended = once(child, 'exit');
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    expect(lines.at(-1)?.event).toBe('gateway.stopped');
    expect((await runProgram(['status', '--config', config])).code).toBe(1);
  },
);

it('a second one on the same state directory ends with 1, says so in its log and does no harm', async () => {
  await start();
  const second = await runProgram(['run', '--config', config]);
  expect(second.code).toBe(1);
  expect(second.err).toMatch(/^error: .*in use/);
  expect(second.out).toContain('"event":"gateway.start-failed"');
  expect((await runProgram(['status', '--config', config])).code).toBe(0);
});
