/** Senders and limits as people see them. */
import { expect, it } from 'vitest';
import { renderStatus } from '../../src/gateway/cli/statusCommand.ts';
import { renderPage } from '../../src/web/page.ts';
import { samplePeer, sampleStatus } from './sampleStatus.ts';

const sampleLink = samplePeer().link;
if (!sampleLink) throw new Error('the sample has lost its link');
const link = sampleLink;

it('a sender is one line: its rate, how fast it is answered, how available the link is, what was turned away', () => {
  const text = renderStatus(sampleStatus());
  expect(text).toMatch(
    /^CT1 +5 s ago +3 +5 000 +3 GiB +45 MiB\/s +12 MiB\/s +6\.4 ms +84 ms +98\.9 % +1 rejected: temporary congestion; 2 refused: A700H$/m,
  );
  const page = renderPage(sampleStatus());
  for (const part of [
    '45 MiB/s',
    'P20 12 MiB/s',
    'last min. 5 MiB/s',
    '6.4 ms',
    'P99 84 ms',
    '98.9 %',
    '2 refused: A700H',
  ]) {
    expect(page).toContain(part);
  }
});

it('figures with few samples are marked, and those with none are not made up', () => {
  const { bytesPerSecondP50: _, acknowledgeMsP50: __, acknowledgeMsP99: ___, ...less } = link;
  const unsure = { ...link, tooFewSamples: ['bytesPerSecondP20' as const] };
  const peers = [samplePeer({ link: unsure }), samplePeer({ aeTitle: 'MR2', link: less })];
  const text = renderStatus(sampleStatus({ peers }));
  expect(text).toMatch(/^CT1 .* 45 MiB\/s +~12 MiB\/s /m);
  expect(text).toMatch(/^MR2 .* - +12 MiB\/s +- +- +98\.9 %/m);
  expect(text).toContain('~ too few samples');
  expect(renderStatus(sampleStatus())).not.toContain('~');
  expect(renderPage(sampleStatus({ peers }))).toContain('~ too few samples');
});

it('limits show when they are near or were reached within a day, and are one line else', () => {
  for (const text of [renderStatus(sampleStatus()), renderPage(sampleStatus())]) {
    expect(text).toContain('limits.associations');
    expect(text).toContain('limits.idleTimeout');
    expect(text).toContain('4 times, last 2 h ago');
    expect(text).not.toContain('limits.connections');
    expect(text).toContain('held back 12 times for spool.bufferMemory, 31 s in all');
  }
  const { limits, now } = sampleStatus();
  const calm = limits.map((limit) => ({
    ...limit,
    inUse: 0,
    ...(limit.lastHitAt ? { lastHitAt: now - 25 * 3600_000 } : {}),
  }));
  for (const text of [renderStatus(sampleStatus({ limits: calm })), renderPage(sampleStatus({ limits: calm }))]) {
    expect(text.toLowerCase()).toContain('none is near, and none was reached within a day');
    expect(text).not.toContain('limits.idleTimeout');
  }
});

it('strangers come last on the page, however often they knock', () => {
  const { link: _, ...strangers } = samplePeer({ aeTitle: '(unidentified callers)', lastSeenAt: sampleStatus().now });
  const page = renderPage(sampleStatus({ peers: [strangers, samplePeer()] }));
  expect(page.indexOf('>(unidentified callers)<')).toBeGreaterThan(page.indexOf('>CT1<'));
});

it('the page shows the senders that were seen last when there are many', () => {
  const { now } = sampleStatus();
  const peers = Array.from({ length: 300 }, (_, i) =>
    samplePeer({ aeTitle: `AE${i}`, lastSeenAt: now - (300 - i) * 1000 }),
  );
  const page = renderPage(sampleStatus({ peers }));
  expect(page.match(/>AE\d+</g)).toHaveLength(50);
  expect(page.indexOf('>AE299<')).toBeLessThan(page.indexOf('>AE298<'));
  expect(page).toContain('And 250 more');
  expect(renderStatus(sampleStatus({ peers })).match(/^AE\d+ /gm)).toHaveLength(300);
});
