/** What the fuzzer needs of a thing that it fuzzes. */
import { isDeepStrictEqual } from 'node:util';
import type { FuzzCase } from './fuzzCase.ts';
import type { Random } from './random.ts';

/** Told about what a case brought about; a case with something new is kept and mutated further. */
export type Observe = (feature: string) => void;

export type Target = {
  name: string;
  /** Operations beside the chunk of bytes: 1 to `operations`. */
  operations: number;
  /** Share of the cases that it gets, relative to the others: less for what takes longer. */
  weight: number;
  maxBytes: number;
  seeds(): FuzzCase[];
  /** A case that makes sense, or nearly: what mutation alone would take too long to find. */
  generate(random: Random): FuzzCase;
  /** Runs a case and judges what happened; anything thrown is a failure. */
  run(fuzzCase: FuzzCase, observe: Observe): void | Promise<void>;
};

/** An oracle said no. Failures of one rule count as one. */
export class Broken extends Error {
  override readonly name = 'Broken';
  readonly rule: string;

  constructor(rule: string, detail = '') {
    super(rule + detail);
    this.rule = rule;
  }
}

export function hold(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Broken(rule);
}

/** For values whose JSON says all of them; the order of their properties does not matter. */
export function same(got: unknown, expected: unknown, rule: string): void {
  if (got === expected || areSameTexts(got, expected)) return;
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  if (a !== b && !isDeepStrictEqual(got, expected)) throw new Broken(rule, `: ${clip(a)} instead of ${clip(b)}`);
}

/** Two lists of the same strings: by far the most of what is compared, and quicker so. */
const areSameTexts = (a: unknown, b: unknown) =>
  Array.isArray(a) &&
  Array.isArray(b) &&
  a.length === b.length &&
  a.every((one, i) => typeof one === 'string' && one === b[i]);

const clip = (text = 'undefined') => (text.length > 600 ? `${text.slice(0, 600)}...` : text);
