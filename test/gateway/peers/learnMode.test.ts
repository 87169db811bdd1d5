import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createMemoryLog } from '../../../src/base/log.ts';
import { clientTrust } from '../../../src/gateway/peers/clientTrust.ts';
import { LearnMode, longestLearnMs } from '../../../src/gateway/peers/learnMode.ts';
import { Health } from '../../../src/web/warnings.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function created() {
  const health = new Health(() => Date.now());
  const { log, lines } = createMemoryLog();
  const mode = new LearnMode({ health, log });
  const directory = { isPinned: (fingerprint: string) => fingerprint === 'aa', anyPinned: true };
  const trust = clientTrust(() => directory as never, mode);
  return {
    mode,
    trust,
    warnings: () => health.active().map(({ code }) => code),
    events: () => lines.map(({ event }) => event),
  };
}

it('is off at first, warns while it is on, and ends by itself', () => {
  const { mode, trust, warnings, events } = created();
  expect([trust.learning, trust.isPinned('aa'), trust.isPinned('bb'), trust.anyPinned]).toEqual([
    false,
    true,
    false,
    true,
  ]);
  mode.start(60_000);
  expect([trust.learning, mode.until, warnings()]).toEqual([true, Date.now() + 60_000, ['peers.learning']]);
  vi.advanceTimersByTime(59_999);
  expect(trust.learning).toBe(true);
  vi.advanceTimersByTime(1);
  expect([trust.learning, mode.until, warnings()]).toEqual([false, undefined, []]);
  expect(events()).toEqual(['peers.learning', 'peers.learning-ended']);
});

it('begun again it lasts from then; ended by hand it is over at once; it is never longer than a day', () => {
  const { mode, events } = created();
  mode.start(60_000);
  vi.advanceTimersByTime(50_000);
  mode.start(60_000);
  vi.advanceTimersByTime(50_000);
  expect(mode.active).toBe(true);
  mode.stop('by hand');
  mode.stop('again');
  expect([mode.active, events().filter((event) => event.endsWith('ended')).length]).toEqual([false, 1]);
  mode.start(longestLearnMs * 100);
  vi.advanceTimersByTime(longestLearnMs);
  expect(mode.active).toBe(false);
});
