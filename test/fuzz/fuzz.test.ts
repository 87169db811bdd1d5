/** A slice of `npm run fuzz` in every test run: a few thousand cases of every target, and every case that once failed. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeCase } from './fuzzCase.ts';
import { Fuzzer } from './fuzzer.ts';
import { targets } from './targets/index.ts';

const all = targets();

describe('a slice of fuzzing', () => {
  it.each(all)('$name', async (target) => {
    const result = await new Fuzzer(target, { cases: 500 * target.weight, seconds: 20, seed: 20260101 }).run();
    expect(result.failures).toEqual([]);
    expect(result.cases).toBeGreaterThan(100);
    expect(result.features).toBeGreaterThan(5);
  });
});

/** Each file is `TARGET-what-was-wrong.txt`: one or more cases in base64, a line each; lines with # are for the reader. */
const folder = new URL('regressions/', import.meta.url).pathname;

describe('cases that once failed', () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith('.txt')))('%s', async (name) => {
    const target = all.find((candidate) => name.startsWith(`${candidate.name}-`));
    expect(target).toBeDefined();
    const lines = readFileSync(folder + name, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) await target?.run(decodeCase(Buffer.from(line, 'base64')), () => {});
  });
});
