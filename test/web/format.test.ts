import { expect, it } from 'vitest';
import {
  formatCount,
  formatDuration,
  formatMilliseconds,
  formatShare,
  formatSize,
  formatTime,
} from '../../src/web/format.ts';

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1.5 * 2 ** 20, '1.5 MiB'],
  [128 * 2 ** 20, '128 MiB'],
  [123.4 * 2 ** 30, '123 GiB'],
  [5000 * 2 ** 40, '5000 TiB'],
  [Number.POSITIVE_INFINITY, 'unlimited'],
])('%d bytes read as %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));

it.each([
  [-5, '0 s'],
  [119_400, '119 s'],
  [120_000, '2 min'],
  [7_200_000, '2 h'],
  [47 * 3_600_000, '47 h'],
  [48 * 3_600_000, '2 d'],
])('%d ms read as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

it('counts in groups of three', () => {
  expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1 000', '1 234 567']);
});

it('tells the time in UTC', () => expect(formatTime(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02 03:04:05'));

it.each([
  [0.04, '0.0 ms'],
  [8.46, '8.5 ms'],
  [9.96, '10 ms'],
  [350.4, '350 ms'],
  [999.6, '1.0 s'],
])('%d ms of waiting read as %s', (ms, text) => expect(formatMilliseconds(ms)).toBe(text));

it.each([
  [1, '100 %'],
  [0.99999, '99.9 %'],
  [0.5, '50 %'],
  [0, '0 %'],
])('a share of %d reads as %s: what is not all never looks so', (share, text) => expect(formatShare(share)).toBe(text));
