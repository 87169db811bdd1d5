import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLog, createMemoryLog, type LogLevel } from '../../src/base/log.ts';

/** The lines that a log wrote to a file. */
function written(level: LogLevel, use: (log: ReturnType<typeof createLog>) => void): Array<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'medusa-log-'));
  const path = join(folder, 'log');
  const fd = openSync(path, 'w');
  use(createLog({ level, name: 'gateway', fd }));
  closeSync(fd);
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  rmSync(folder, { recursive: true });
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

it('writes one JSON line per event, at once, with a time and a level in words', () => {
  const [line, ...rest] = written('info', (log) => log.warn('spool.full', 'the spool\nis full', { used: 12 }));
  expect(rest).toEqual([]);
  expect(line).toMatchObject({
    level: 'warn',
    name: 'gateway',
    event: 'spool.full',
    msg: 'the spool\nis full',
    used: 12,
  });
  expect(new Date(String(line?.time)).toISOString()).toBe(line?.time);
});

it('leaves out what is below its level', () => {
  const all = (log: ReturnType<typeof createLog>) => {
    log.debug('a.debug', '');
    log.info('a.info', '');
    log.warn('a.warn', '');
    log.error('a.error', '');
  };
  expect(written('warn', all).map((line) => line.event)).toEqual(['a.warn', 'a.error']);
  expect(written('debug', all)).toHaveLength(4);
  expect(written('silent', all)).toEqual([]);
});

it('gives a child the fields of its parent', () => {
  const lines = written('info', (log) =>
    log.child({ peer: 'CT1' }).child({ listener: 'x' }).info('a.b', 'c', { n: 1 }),
  );
  expect(lines[0]).toMatchObject({ peer: 'CT1', listener: 'x', n: 1 });
});

it('has a form for tests that says the same', () => {
  const { log, lines } = createMemoryLog();
  log.child({ peer: 'CT1' }).error('a.b', 'text', { n: 1 });
  expect(lines).toEqual([{ event: 'a.b', level: 'error', msg: 'text', peer: 'CT1', n: 1 }]);
});
