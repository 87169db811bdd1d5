import { expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../../src/base/yaml/units.ts';

it.each([
  ['0B', 0],
  ['512 B', 512],
  ['256KiB', 262_144],
  ['128MiB', 134_217_728],
  ['20GB', 20e9],
  ['1.5GiB', 1_610_612_736],
  ['2TiB', 2 ** 41],
  ['1kB', 1000],
])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

it.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['5min', 300_000],
  ['24h', 86_400_000],
  ['0.5h', 1_800_000],
  ['7d', 604_800_000],
])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

it.each(['', '5', 'MiB', '-1MiB', '1 mib', '1MIB', '1e3B', '1,5GB', '1GiB ', '99999999TiB', '1m', 'Infinity'])(
  '%j is neither size nor duration',
  (text) => {
    expect(parseSize(text)).toBeUndefined();
    expect(parseDuration(text)).toBeUndefined();
  },
);
