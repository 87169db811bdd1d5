import { describe, expect, it } from 'vitest';
import { Health, readinessBlockers, warningTable } from '../../src/web/warnings.ts';

function healthAt(start: number) {
  let now = start;
  const health = new Health(() => now);
  return { health, advance: (ms: number) => (now += ms), codes: () => health.active().map(({ code }) => code) };
}

describe('Health', () => {
  it('keeps since when a warning is raised again, and takes the new text', () => {
    const { health, advance } = healthAt(1000);
    health.raise('spool.nearly-full', { percent: 81 });
    advance(500);
    health.raise('spool.nearly-full', { percent: 95 });
    expect(health.active()).toMatchObject([{ since: 1000, text: '95 % of the quota are in use.' }]);
  });

  it('begins anew after it was cleared', () => {
    const { health, advance, codes } = healthAt(1000);
    health.set(true, 'peers.none', {});
    health.set(false, 'peers.none', {});
    expect(codes()).toEqual([]);
    advance(500);
    health.raise('peers.none', {});
    expect(health.active()).toMatchObject([{ since: 1500 }]);
  });

  it('keeps apart what the same warning is about', () => {
    const { health } = healthAt(0);
    for (const store of ['a', 'b']) health.raise('store.refuses', { store, reason: 'no' }, store);
    health.clear('store.refuses', 'a');
    expect(health.active()).toMatchObject([{ subject: 'b' }]);
  });

  it('shows a warning only when it has lasted', () => {
    const { health, advance, codes } = healthAt(0);
    health.raise('store.unavailable', { store: 'a', reason: 'down', queued: 1 }, 'a');
    advance(14_999);
    expect(codes()).toEqual([]);
    advance(1);
    expect(codes()).toEqual(['store.unavailable']);
  });

  it('puts the worst first, then the oldest', () => {
    const { health, advance, codes } = healthAt(0);
    health.raise('gateway.stopping', {});
    health.raise('peers.none', {});
    advance(1);
    health.raise('routes.none', {});
    health.raise('spool.refusing', { reason: 'full' });
    expect(codes()).toEqual(['spool.refusing', 'peers.none', 'routes.none', 'gateway.stopping']);
  });
});

it('only what keeps senders away makes the gateway not ready', () => {
  const { health } = healthAt(0);
  health.raise('delivery.quarantined', { store: 'a', count: 3 }, 'a');
  expect(readinessBlockers(health.active())).toEqual([]);
  health.raise('spool.refusing', { reason: 'full' });
  expect(readinessBlockers(health.active())).toMatchObject([{ code: 'spool.refusing' }]);
});

it('every declaration says what it is and what mends it', () => {
  for (const [code, { title, hint }] of Object.entries(warningTable)) {
    expect(code).toMatch(/^[a-z]+\.[a-z-]+$/);
    expect(title).not.toMatch(/\.$/);
    expect(hint).toMatch(/\.$/);
  }
});
