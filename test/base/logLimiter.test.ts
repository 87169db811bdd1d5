import { expect, it } from 'vitest';
import { createMemoryLog } from '../../src/base/log.ts';
import { limitLog } from '../../src/base/logLimiter.ts';

function limited(limits = { first: 3, windowMs: 60_000, maxWindows: 4 }) {
  let now = 0;
  const { log, lines } = createMemoryLog();
  const door = limitLog(log, {
    isLimited: (event) => event.startsWith('tls.') || event === 'association.rejected',
    monotonic: () => now,
    limits,
  });
  return { ...door, lines, wait: (ms: number) => (now += ms), texts: () => lines.map(({ msg }) => msg) };
}

it('writes the first lines of a flood and says once how many more there were', () => {
  const { log, lines, wait, sweep } = limited();
  for (let i = 0; i < 1000; i++) log.warn('association.rejected', `no ${i}`, { address: '10.0.0.9', peer: 'X' });
  expect(lines).toHaveLength(3);
  sweep();
  expect(lines).toHaveLength(3);
  wait(60_000);
  sweep();
  sweep();
  expect(lines).toHaveLength(4);
  expect(lines[3]).toEqual({
    event: 'association.rejected',
    level: 'warn',
    msg: 'and 997 more like this within 60 s; the last: no 999',
    address: '10.0.0.9',
    more: 997,
  });
});

it('says it as well when the next line comes before anybody sweeps, and that line begins a new window', () => {
  const { log, texts, wait } = limited();
  for (let i = 0; i < 4; i++) log.warn('tls.failed', 'a', { address: 'x' });
  wait(60_000);
  log.warn('tls.failed', 'b', { address: 'x' });
  expect(texts()).toEqual(['a', 'a', 'a', 'and 1 more like this within 60 s; the last: a', 'b']);
});

it('keeps events and addresses apart', () => {
  const { log, lines } = limited();
  for (let i = 0; i < 10; i++) {
    log.warn('tls.failed', 'a', { address: 'x' });
    log.warn('tls.failed', 'a', { address: 'y' });
    log.warn('tls.closed', 'a', { address: 'x' });
  }
  expect(lines).toHaveLength(9);
});

it('never holds back an error, nor what is not limited', () => {
  const { log, lines } = limited();
  for (let i = 0; i < 100; i++) {
    log.error('tls.failed', 'ours', { address: 'x' });
    log.warn('instance.refused', 'A700H', { address: 'x' });
    log.info('association.released', 'ok', { address: 'x' });
  }
  expect(lines).toHaveLength(300);
});

it('children write through their own fields and share the windows', () => {
  const { log, lines, sweep } = limited();
  const [a, b] = [log.child({ listener: 'a' }), log.child({ listener: 'b' })];
  for (let i = 0; i < 4; i++) {
    a.warn('tls.failed', 'm', { address: 'x' });
    b.warn('tls.failed', 'm', { address: 'x' });
  }
  expect(lines).toHaveLength(3);
  sweep(true);
  expect(lines.at(-1)).toMatchObject({ listener: 'b', more: 5 });
});

it('a flood from addresses without end neither fills the log nor the memory', () => {
  const { log, lines, wait, sweep } = limited();
  for (let i = 0; i < 10_000; i++) log.warn('tls.failed', 'm', { address: `fd00::${i.toString(16)}` });
  expect(lines).toHaveLength(4 + 3);
  wait(60_000);
  sweep();
  expect(lines.at(-1)).toMatchObject({ address: 'various', more: 10_000 - 7 });
  expect(lines).toHaveLength(8);
});
