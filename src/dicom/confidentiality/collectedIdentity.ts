/** What one instance says of people, gathered before anything is changed: see identifyingAttributes.ts. Pure. */
import { type CharacterSet, characterSetOf, textValues } from '../dataSet/characterSets.ts';
import type { DataElement, DataSet } from '../dataSet/dicomObject.ts';
import { fold, tokensOf } from './cleanText.ts';
import { emptyPhrases, type IdentityKind, identifyingAttributes } from './identifyingAttributes.ts';
import type { ProfileOption } from './profileOptions.ts';
import { radiologyWords } from './radiologyWords.ts';

const maxTextBytes = 4096;
const birthDate = 0x00100030;

export class CollectedIdentity {
  /** Originals that must not be found in anything that leaves. */
  readonly values = new Set<string>();
  /** Folded words that free text must not keep when it is cleaned: those of names even where they mean something else. */
  readonly words = new Set<string>();
  /** Those of them by which text that is otherwise kept is known to mention somebody. */
  readonly tellingWords = new Set<string>();

  /** A name: whole, without its delimiters, and each word of three letters or more that names somebody. */
  addName(name: string): void {
    for (const group of name.split('=')) {
      this.#addValue(group);
      this.#addValue(group.replace(/[\^ ]+/g, ' ').trim());
      for (const word of tokensOf(group)) {
        this.words.add(fold(word));
        this.#addValue(word);
        this.#addTelling(word);
      }
    }
  }

  add(value: string, kind: IdentityKind): void {
    this.#addValue(value, kind === 'id' || kind === 'device');
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
    if (day !== undefined && day !== '19000101' && day !== '00010101') this.values.add(day);
  }

  #addValue(value: string, isNumber = false): void {
    if (identifies(value, isNumber)) this.values.add(value);
  }

  #addTelling(word: string): void {
    const folded = fold(word);
    if (identifies(folded, /\d/.test(folded))) this.tellingWords.add(folded);
  }
}

/**
 * Whether a value tells people apart, so that it can be looked for without being found by chance: three characters or more, in
 * numbers five (or four with a letter), and no word that stands in descriptions of images or where nobody is named.
 */
export function identifies(value: string, isNumber: boolean): boolean {
  const folded = fold(value).trim();
  if (folded.length < 3 || emptyPhrases.has(folded) || radiologyWords.has(folded)) return false;
  if (/^[\d\s.,:/^-]+$/.test(folded)) return folded.replace(/\D/g, '').length >= 5;
  return !isNumber || folded.length >= 4;
}

export function collectIdentity(dataSet: DataSet, options: ReadonlySet<ProfileOption>): CollectedIdentity {
  const identity = new CollectedIdentity();
  collectFrom(dataSet, characterSetOf(dataSet), options, identity);
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
  } else if (one.vr === 'PN' || (one.vr === 'UN' && personNames.has(one.tag))) {
    for (const value of textValues(one, set)) identity.addName(value);
  } else if (one.vr === 'DA' || one.vr === 'DT') {
    if (options.has('retainFullDates') && one.tag !== birthDate) return;
    for (const value of textValues(one, set)) identity.addDate(value);
  }
}

/** Names that somebody on the way made UN. */
const personNames = new Set([0x00100010, 0x00101001, 0x00101005, 0x00101060, 0x00080090, 0x00081050, 0x00081070]);
