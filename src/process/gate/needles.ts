/**
 * What the gate looks for: original values and UIDs, in the form in which they are compared, each with how specific it is. Short
 * words and numbers are everywhere by chance; where they count is in `counts` (hits.ts). Pure.
 */
import type { Identity } from '../step.ts';
import { fold, hashOf, isDigits, spellings, tokensOf } from './fold.ts';

export type Needle = {
  /** Runs of letters and of digits, in order. */
  tokens: readonly string[];
  kind: 'word' | 'number' | 'mixed' | 'date';
  /** Letters and digits in it. */
  length: number;
};

/** A set of hashes of tokens, in 64 Ki bits: most tokens are told to be none of them at once. */
const filterSize = 65_536;

export class Needles {
  /** By their first token. */
  readonly #byFirst = new Map<string, Needle[]>();
  readonly #filter = new Uint8Array(filterSize);
  /** Whole names without separators, as they stand in file names and user names. */
  readonly joined: readonly string[];
  /** Folded values in other scripts than Latin, without separators. */
  readonly foreign: readonly string[];
  /** Values with letters outside ASCII, in UTF-8 and UTF-16: only there encodings differ by more than null bytes. */
  readonly encoded: readonly Buffer[];
  readonly uids: Set<string>;
  readonly replacements: ReadonlySet<string>;
  /** Of the patients of the run. */
  readonly pseudonyms: ReadonlySet<string>;
  /** UIDs stay (retainUids): numbers within one are no finding. */
  readonly keepsUids: boolean;
  longest: number;
  readonly #legitimate: ReadonlySet<string>;

  constructor(identities: readonly Identity[], { keepsUids = false } = {}) {
    this.keepsUids = keepsUids;
    this.pseudonyms = new Set(identities.map(({ patient }) => patient.pseudonym).filter((text) => text !== ''));
    const values = valuesOf(identities);
    const dates = legitimateDates(identities);
    this.#legitimate = dates;
    const foreign = new Set<string>();
    let longest = 0;
    for (const value of values) {
      if (dates.has(value)) continue;
      for (const needle of needlesFor(value)) {
        this.#add(needle);
        longest = Math.max(longest, needle.length + 3 * needle.tokens.length);
      }
      const folded = fold(value).replace(/[^\p{L}\p{N}]/gu, '');
      if (/[^a-z0-9]/.test(folded) && folded.length >= 2) foreign.add(folded);
    }
    this.longest = longest;
    this.foreign = [...foreign];
    this.encoded = [...values].filter((value) => /\P{ASCII}/u.test(value)).flatMap(encodings);
    this.joined = joinedNames(identities);
    const uids = identities.flatMap((identity) => identity.uids);
    this.replacements = new Set(uids.map(({ replacement }) => replacement));
    this.uids = new Set(uids.map(({ original }) => original).filter((uid) => !this.replacements.has(uid)));
  }

  /** Whether a token with this hash may be the first of a needle. */
  mayBegin(hash: number): boolean {
    return this.#filter[hash & (filterSize - 1)] === 1;
  }

  beginningWith(token: string): readonly Needle[] {
    return this.#byFirst.get(token) ?? [];
  }

  /** What the gate itself has read in an object as it was received; dates that others were moved to stay out. */
  learn(values: readonly string[], uids: readonly string[]): void {
    for (const value of values) {
      if (this.#legitimate.has(value)) continue;
      for (const needle of needlesFor(value)) {
        this.#add(needle);
        this.longest = Math.max(this.longest, needle.length + 3 * needle.tokens.length);
      }
    }
    for (const uid of uids) if (!this.replacements.has(uid)) this.uids.add(uid);
  }

  #add(needle: Needle): void {
    const [first] = needle.tokens;
    if (first === undefined) return;
    const known = this.#byFirst.get(first) ?? [];
    if (known.some(({ tokens }) => tokens.join(' ') === needle.tokens.join(' '))) return;
    known.push(needle);
    this.#byFirst.set(first, known);
    this.#filter[hashOf(first) & (filterSize - 1)] = 1;
  }
}

/** What the instances said of people, and of the patient as their map entry has it. */
function valuesOf(identities: readonly Identity[]): Set<string> {
  const values = new Set<string>();
  for (const { values: found, patient } of identities) {
    for (const value of found) values.add(value);
    // Two letters and more in other scripts are a whole name.
    for (const word of patient.patientName.split(/[\^= ]+/))
      if (/\P{ASCII}/u.test(word) && word.length > 1) values.add(word);
  }
  return values;
}

/** As it is, in small letters and in capitals; with more than four bytes, so that chance finds none of them. */
function encodings(value: string): Buffer[] {
  const spelt = new Set([value, value.toLowerCase(), value.toUpperCase()]);
  return [...spelt].flatMap((text) => {
    const wide = Buffer.from(text, 'utf16le');
    return [Buffer.from(text), wide, Buffer.from(wide).swap16()].filter(({ length }) => length > 4);
  });
}

const dateForm = /^(\d{4})(\d\d)(\d\d)$/;

/** Dates that rightly stand in results though another instance had them as an original: where a date of its patient was moved to. */
function legitimateDates(identities: readonly Identity[]): Set<string> {
  const dates = new Set<string>();
  for (const { values, dateShiftDays } of identities) {
    if (dateShiftDays === 0) continue;
    for (const value of values) {
      const [, year, month, day] = dateForm.exec(value) ?? [];
      if (year === undefined) continue;
      const moved = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day) + dateShiftDays));
      dates.add(moved.toISOString().slice(0, 10).replaceAll('-', ''));
    }
  }
  return dates;
}

function needlesFor(value: string): Needle[] {
  const [, year = '', month = '', day = ''] = dateForm.exec(value) ?? [];
  if (isDate(year, month, day)) {
    const orders = [[value], [year, month, day], [day, month, year], [month, day, year]];
    return orders.map((tokens) => ({ tokens, kind: 'date', length: 8 }));
  }
  return spellings(value).flatMap((text) => {
    const tokens = tokensOf(text);
    const length = tokens.reduce((sum, token) => sum + token.length, 0);
    if (length < 3 || hasLost(text, length)) return [];
    const numbers = tokens.filter(isDigits).length;
    const kind = numbers === 0 ? 'word' : numbers === tokens.length ? 'number' : 'mixed';
    return [{ tokens, kind, length }];
  });
}

const isDate = (year: string, month: string, day: string): boolean =>
  year >= '1850' && year <= '2100' && month >= '01' && month <= '12' && day >= '01' && day <= '31';

/** Whether most of a text is in another script, so that what is left in ASCII says nothing. */
const hasLost = (text: string, length: number): boolean =>
  fold(text).replace(/[^\p{L}\p{N}]/gu, '').length > 2 * length;

const minJoined = 7;

function joinedNames(identities: readonly Identity[]): string[] {
  const names = new Set<string>();
  for (const { patient } of identities) {
    for (const group of patient.patientName.split('=')) {
      for (const text of spellings(group)) {
        const [family = '', given = ''] = text.split('^').map((part) => tokensOf(part).join(''));
        if (family === '' || given === '') continue;
        for (const name of [family + given, given + family]) if (name.length >= minJoined) names.add(name);
      }
    }
  }
  return [...names];
}
