/** The gateway ends in the middle of a run: nothing of the run lives on, and the next gateway finds a clean table. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { processStart } from '../../../src/base/processStart.ts';
import { recordRun, sweepRuns } from '../../../src/process/sandbox/records.ts';
import { openBench, processesWith, skip } from './bench.ts';

async function until(condition: () => boolean): Promise<boolean> {
  for (let round = 0; round < 300 && !condition(); round++) await sleep(50);
  return condition();
}

describe.skipIf(skip !== undefined)(`a gateway that is killed ${skip ?? ''}`, () => {
  test('kill -9: the program and its daemons end with it, and what is left on disk is swept', async () => {
    const marker = `medusa-orphan-${process.pid}`;
    const program = fileURLToPath(new URL('./holdSandbox.ts', import.meta.url));
    const child = spawn(process.execPath, [program, marker], { stdio: ['ignore', 'pipe', 'inherit'] });
    let root = '';
    child.stdout.on('data', (data: Buffer) => {
      root += data.toString();
    });
    expect(await until(() => processesWith(`# ${marker}`).length >= 2)).toBe(true);
    child.kill('SIGKILL');
    expect(await until(() => processesWith(`# ${marker}`).length === 0)).toBe(true);
    const work = join(root.trim(), 'state', 'sandbox');
    expect(readdirSync(work).some((name) => name.endsWith('.run'))).toBe(true);
    const next = await openBench({ workDirectory: work });
    expect(readdirSync(work)).toEqual(['files']);
    await next.close();
    rmSync(root.trim(), { recursive: true });
  });

  test('a recorded process that still runs is ended; a number that means another one is left alone', async () => {
    const work = mkdtempSync(join(tmpdir(), 'medusa-sandbox-sweep-'));
    const [left, other] = [spawn('sleep', ['1000']), spawn('sleep', ['1000'])];
    recordRun(work, 'left', left.pid ?? 0);
    mkdirSync(work, { recursive: true });
    writeFileSync(join(work, 'other.run'), JSON.stringify({ pid: other.pid, start: '1' }));
    expect(sweepRuns(work)).toBe(1);
    expect(await until(() => left.signalCode === 'SIGKILL')).toBe(true);
    expect(processStart(other.pid ?? 0)).toBeDefined();
    other.kill('SIGKILL');
    rmSync(work, { recursive: true });
  });
});
