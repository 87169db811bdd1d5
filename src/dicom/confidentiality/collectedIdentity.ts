/** What one instance says of people, gathered before anything is changed: see identifyingAttributes.ts. Pure. */
import { type CharacterSet, characterSetOf, textValues } from '../dataSet/characterSets.ts';
import type { DataElement, DataSet } from '../dataSet/dicomObject.ts';
import { effectiveVr } from '../dataSet/effectiveVr.ts';
import { fold, tokensOf } from './cleanText.ts';
import { mentionsDay } from './dateMentions.ts';
import { emptyPhrases, type IdentityKind, identifyingAttributes } from './identifyingAttributes.ts';
import type { ProfileOption } from './profileOptions.ts';
import { radiologyWords } from './radiologyWords.ts';

const maxTextBytes = 4096;
const birthDate = 0x00100030;
const manufacturer = 0x00080070;
const eastAsian = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}]/u;

export class CollectedIdentity {
  /** Originals that must not be found in anything that leaves. */
  readonly values = new Set<string>();
  /** Folded words that free text must not keep when it is cleaned: those of names even where they mean something else. */
  readonly words = new Set<string>();
  /** Those of them by which text that is otherwise kept is known to mention somebody. */
  readonly #tellingWords = new Set<string>();
  /** Folded values that tell somebody and have no such word. */
  readonly #tellingPhrases = new Set<string>();
  /** Two words next to each other: of names whose words are too short to tell anybody alone. */
  readonly #tellingPairs = new Set<string>();
  /** Numbers of five digits and more, without leading zeros, however they are written. */
  readonly #numbers = new Set<string>();
  readonly #days = new Set<string>();
  readonly #keptDates = new Set<string>();
  readonly #makers = new Set<string>();
  readonly #places = new Set<string>();

  /** A name: whole, without its delimiters, and each word of three letters or more that names somebody. */
  addName(name: string): void {
    for (const group of name.split('=')) {
      this.#addValue(group);
      this.#addValue(group.replace(/[\^ ]+/g, ' ').trim());
      this.#addPairs(group);
      for (const word of tokensOf(group)) {
        this.words.add(fold(word));
        this.#addValue(word);
        this.#addTelling(word);
        // Two characters are a whole name there, and words are not set apart.
        if (eastAsian.test(word) && word.length >= 2) this.#tellingPhrases.add(fold(word));
      }
    }
  }

  /** Who made the equipment is no secret, also where an institution or a station is called after it. */
  addMaker(value: string): void {
    for (const word of tokensOf(value)) this.#makers.add(fold(word));
  }

  add(value: string, kind: IdentityKind): void {
    if (kind === 'institution' || kind === 'device') this.#places.add(value);
    else this.#addValue(value, kind === 'id');
    if (kind === 'id') this.#addNumbers(value);
    for (const word of tokensOf(value)) {
      const folded = fold(word);
      if (kind === 'id' || kind === 'device' || !radiologyWords.has(folded)) this.words.add(folded);
      if (kind !== 'institution') this.#addTelling(word);
    }
    if (value.includes(' ') || value.includes('-')) this.words.add(fold(value.replace(/[^\p{L}\p{N}]/gu, '')));
  }

  /** YYYYMMDD of a DA or a DT value. */
  addDate(value: string): void {
    const [day] = /^\d{8}/.exec(value) ?? [];
    if (day === undefined || day === '19000101' || day === '00010101') return;
    this.values.add(day);
    this.#days.add(day);
  }

  /** A date that stays: the same day is then no secret elsewhere. */
  addKeptDate(value: string): void {
    this.#keptDates.add(value.slice(0, 8));
  }

  /** Whether text that is otherwise kept has a word, a number or a day of the identity in it. */
  isMentionedIn(text: string): boolean {
    const folded = fold(text);
    for (const phrase of this.#tellingPhrases) if (folded.includes(phrase)) return true;
    const tokens = tokensOf(folded);
    if (tokens.some((token) => this.#isTelling(token))) return true;
    if (this.#tellingPairs.size > 0 && tokens.some((token, i) => this.#tellingPairs.has(`${token} ${tokens[i + 1]}`)))
      return true;
    return this.#hasNumber(folded) || mentionsDay(text, this.#days);
  }

  #isTelling(token: string): boolean {
    if (this.#tellingWords.has(token)) return true;
    // A genitive: Kuhns, Smiths.
    return token.length >= 5 && token.endsWith('s') && this.#tellingWords.has(token.slice(0, -1));
  }

  /** Also in groups (`47 11 222`), behind letters and with zeros before it. */
  #hasNumber(folded: string): boolean {
    if (this.#numbers.size === 0) return false;
    for (const [run] of folded.matchAll(/\d(?:[ .\-/]?\d){4,40}/g)) {
      if (this.#numbers.has(withoutZeros(run.replace(/\D/g, '')))) return true;
      for (const digits of run.match(/\d+/g) ?? []) if (this.#numbers.has(withoutZeros(digits))) return true;
    }
    return false;
  }

  #addNumbers(value: string): void {
    for (const run of value.match(/\d{5,}/g) ?? []) {
      const core = withoutZeros(run);
      if (!identifies(core, true)) continue;
      this.#numbers.add(core);
      this.words.add(core);
      this.values.add(core);
    }
  }

  /** Family and given name, in either order. */
  #addPairs(group: string): void {
    const words = tokensOf(group).map(fold).slice(0, 8);
    for (const one of words) {
      for (const other of words) {
        const isName = one !== other && one.length >= 2 && other.length >= 2;
        if (!isName || (isCommon(one) && isCommon(other))) continue;
        this.#tellingPairs.add(`${one} ${other}`);
      }
    }
    const [first, second] = tokensOf(group);
    if (words.length === 2 && words.every((word) => word.length < 3) && this.#tellingPairs.size > 0)
      this.#addValue(`${second} ${first}`);
  }

  /** When all has been added. */
  finish(): void {
    for (const day of this.#keptDates) {
      this.values.delete(day);
      this.#days.delete(day);
    }
    for (const value of this.#places) {
      if (!tokensOf(fold(value)).every((word) => this.#makers.has(word))) this.#addValue(value, /\d/.test(value));
    }
  }

  #addValue(value: string, isNumber = false): void {
    if (!identifies(value, isNumber)) return;
    this.values.add(value);
    if (tokensOf(value).every((word) => !identifies(word, /\d/.test(word)))) this.#tellingPhrases.add(fold(value));
  }

  #addTelling(word: string): void {
    const folded = fold(word);
    if (identifies(folded, /\d/.test(folded))) this.#tellingWords.add(folded);
  }
}

const withoutZeros = (digits: string): string => digits.replace(/^0+/, '');
const isCommon = (word: string): boolean => radiologyWords.has(word) || emptyPhrases.has(word);

/**
 * Whether a value tells people apart, so that it can be looked for without being found by chance: three characters or more, in
 * numbers five (or four with a letter) that are not all the same, and no word that stands in descriptions of images or where
 * nobody is named.
 */
export function identifies(value: string, isNumber: boolean): boolean {
  const folded = fold(value).trim();
  if (folded.length < 3 || emptyPhrases.has(folded) || radiologyWords.has(folded)) return false;
  if (/^[\d\s.,:/^-]+$/.test(folded)) {
    const digits = folded.replace(/\D/g, '');
    return digits.length >= 5 && new Set(digits).size >= 3;
  }
  return !isNumber || folded.length >= 4;
}

export function collectIdentity(dataSet: DataSet, options: ReadonlySet<ProfileOption>): CollectedIdentity {
  const identity = new CollectedIdentity();
  collectFrom(dataSet, characterSetOf(dataSet), options, identity);
  identity.finish();
  return identity;
}

function collectFrom(
  dataSet: DataSet,
  set: CharacterSet,
  options: ReadonlySet<ProfileOption>,
  identity: CollectedIdentity,
): void {
  for (const one of dataSet.elements) {
    const { value } = one;
    if (value.kind === 'bytes') {
      if (value.bytes.length > 0 && value.bytes.length <= maxTextBytes) collectElement(one, set, options, identity);
    } else if (value.kind === 'sequence') {
      for (const item of value.items) collectFrom(item.dataSet, characterSetOf(item.dataSet, set), options, identity);
    }
  }
}

function collectElement(
  one: DataElement,
  set: CharacterSet,
  options: ReadonlySet<ProfileOption>,
  identity: CollectedIdentity,
): void {
  const kind = identifyingAttributes.get(one.tag);
  if (kind !== undefined) {
    if (kind === 'institution' && options.has('retainInstitutionIdentity')) return;
    if (kind === 'device' && options.has('retainDeviceIdentity')) return;
    for (const value of textValues(one, set)) identity.add(value, kind);
  } else if (one.tag === manufacturer) {
    for (const value of textValues(one, set)) identity.addMaker(value);
  } else if (one.vr === 'PN' || personNames.has(one.tag) || (one.vr === 'UN' && effectiveVr(one) === 'PN')) {
    for (const value of textValues(one, set)) identity.addName(value);
  } else if (one.vr === 'DA' || one.vr === 'DT') {
    const isKept = options.has('retainFullDates') && one.tag !== birthDate;
    for (const value of textValues(one, set)) isKept ? identity.addKeptDate(value) : identity.addDate(value);
  }
}

/** Names whatever VR somebody gave them. */
const personNames = new Set([0x00100010, 0x00101001, 0x00101005, 0x00101060, 0x00080090, 0x00081050, 0x00081070]);
