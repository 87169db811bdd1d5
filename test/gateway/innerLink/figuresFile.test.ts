import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryLog } from '../../../src/base/log.ts';
import type { AcceptedAssociation } from '../../../src/dicom/services/acceptedAssociation.ts';
import { keepFigures, readFigures } from '../../../src/gateway/innerLink/figuresFile.ts';
import { PeerRegister } from '../../../src/gateway/peerFigures.ts';

const folder = mkdtempSync(join(tmpdir(), 'medusa-figures-'));
const path = join(folder, 'figures.json');
const start = Date.UTC(2026, 10, 24, 12);
const minute = 60_000;
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  vi.useFakeTimers({ now: start, toFake: ['Date', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(path, { force: true });
});

const now = () => Date.now();

function use(register: PeerRegister): void {
  const association = { admitted: true, callingAeTitle: 'CT1', caller: { address: '10.0.0.1' } } as AcceptedAssociation;
  register.onAdmitted(association);
  const result = { bytes: 1000, status: 0, outcome: { kind: 'stored' }, acknowledgeMs: 8, busyMs: 100 };
  register.onInstance(association, result as never);
  register.onInstance(association, { ...result, status: 0xa700 } as never);
  register.onClosed(association, { how: 'released' });
}

function keep(register: PeerRegister, options: { downSince?: number | undefined; isListening?: () => boolean } = {}) {
  const { log, lines } = createMemoryLog();
  const keeper = keepFigures({
    ...{ path, register, now, log, downSince: options.downSince },
    isListening: options.isListening ?? (() => true),
  });
  return { ...keeper, lines };
}

it('figures go on after a restart, and the time between counts against the link', async () => {
  const first = new PeerRegister(now);
  const keeper = keep(first);
  use(first);
  await keeper.stop();
  vi.setSystemTime(start + 5.5 * minute);
  const { log, lines } = createMemoryLog();
  const saved = readFigures(path, log);
  expect(lines).toEqual([]);
  const second = new PeerRegister(now, [], saved?.peers);
  expect(second.innerLink('CT1')).toEqual({
    ...first.innerLink('CT1'),
    bytesPerSecondLastMinute: 0,
    imagesPerSecondLastMinute: 0,
  });
  expect(second.all[0]?.counters).toEqual(first.all[0]?.counters);
  expect(second.all[0]?.acknowledged.cumulative).toEqual(first.all[0]?.acknowledged.cumulative);
  expect(second.total()).toBe(0);
  // The minute of the end and that of the start were not wholly without us.
  const again = keep(second, { downSince: saved?.savedAt });
  expect(second.innerLink('CT1')).toMatchObject({ goodMinutes: 0, badMinutes: 5 });
  await again.stop();
});

it('writes every minute, and minutes in which nobody listens are bad', async () => {
  const register = new PeerRegister(now);
  use(register);
  let listening = true;
  const keeper = keep(register, { isListening: () => listening });
  vi.advanceTimersByTime(minute);
  await vi.waitFor(() => expect(JSON.parse(readFileSync(path, 'utf8')).savedAt).toBeGreaterThanOrEqual(start + minute));
  const before = register.innerLink('CT1')?.badMinutes ?? 0;
  listening = false;
  vi.advanceTimersByTime(4 * minute);
  expect(register.innerLink('CT1')?.badMinutes).toBe(before + 3);
  await keeper.stop();
});

describe('a file that is no use', () => {
  it.each([
    ['cut', '{"version":1,"savedAt":1,"peers":[{"aeTi'],
    ['empty', ''],
    ['of another form', '{"version":1,"savedAt":1,"peers":[{"aeTitle":"CT1","since":"yesterday"}]}'],
    ['of another version', '{"version":2,"savedAt":1,"peers":[]}'],
    ['with nonsense in it', '{"version":1,"savedAt":1,"peers":{"__proto__":{"a":1}}}'],
  ])('%s: begins anew, with one line that says so', (_, text) => {
    writeFileSync(path, text);
    const { log, lines } = createMemoryLog();
    expect(readFigures(path, log)).toBeUndefined();
    expect(lines.map(({ event, level }) => [event, level])).toEqual([['figures.unreadable', 'warn']]);
  });

  it('that is not there is no news', () => {
    const { log, lines } = createMemoryLog();
    expect([readFigures(path, log), lines]).toEqual([undefined, []]);
  });

  it('that cannot be written is said once', async () => {
    const register = new PeerRegister(now);
    const { log, lines } = createMemoryLog();
    const nowhere = join(folder, 'none', 'figures.json');
    const keeper = keepFigures({ path: nowhere, register, now, log, downSince: undefined, isListening: () => true });
    vi.advanceTimersByTime(3 * minute);
    await keeper.stop();
    expect(lines.map(({ event }) => event)).toEqual(['figures.not-written']);
  });
});
