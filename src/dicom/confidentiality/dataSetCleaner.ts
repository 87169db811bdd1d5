/**
 * De-identifies the elements of one data set and of all items in it: each by its row of table E.1-1, wherever it stands. Makes
 * new data sets; elements that stay are shared with the original, so pixel data are neither read nor copied.
 */
import { type CharacterSet, characterSetOf, textValues } from '../dataSet/characterSets.ts';
import { bytesIn, type DataElement, type DataSet, element } from '../dataSet/dicomObject.ts';
import { creatorTagOf, isPrivate, isPrivateCreator } from '../dataSet/dictionary.ts';
import type { ElementEncoding } from '../dataSet/elementEncoding.ts';
import { effectiveVr, emptyElement, encodingInside, makeElement, privateCreator } from '../dataSet/elements.ts';
import { hasCharacterSet, isTextVr } from '../dataSet/valueRepresentation.ts';
import { cleanText, looksIdentifying, meaningLooksIdentifying } from './cleanText.ts';
import { shiftDate, shiftDateTime } from './dateShift.ts';
import { definedTermAttributes, definedTerms, imageTypeValue, isImageType } from './definedTerms.ts';
import { dummySequence, withoutHandwriting } from './dummySequences.ts';
import { isRegistered } from './registeredUids.ts';
import { dummyElement, dummyText } from './replacementValues.ts';
import type { Subject } from './subject.ts';
import type { Handling } from './treatments.ts';
import { unlistedTreatment } from './unlistedAttributes.ts';
import { hasForm, inOwnVr } from './valueForms.ts';

const patientName = 0x00100010;
const patientId = 0x00100020;
const pixelData = 0x7fe00010;
const graphicObjects = 0x00700009;
/** Values of text that are longer are not looked into: they go. */
const maxTextBytes = 4 * 1024 * 1024;

/** Values that a manufacturer, too, writes as the standard wants them. */
const strictForms: ReadonlySet<string> = new Set(['AS', 'DS', 'IS', 'TM']);
const maxCodeBytes = 1024;
const specificCharacterSet = 0x00080005;
/** As it has to be, and as it is written by mistake: without it, nobody can read the rest. */
const characterSetForm = /^(?:|(?:ISO|GB)[A-Z0-9_ -]{1,14}|UTF-?8)$/i;

/** Who is older than 89 is one of few (PS3.15 E.3.4 leaves it open; laws do not). */
const isGreatAge = (age: string): boolean => /^(?:09|[1-9]\d)\dY$/.test(age);
const atMostNinety = (age: string): string => (isGreatAge(age) ? '090Y' : age);

/** Where people write; not dates, numbers and UIDs. */
const isWatched = (vr: string) => hasCharacterSet(vr) || vr === 'AE' || vr === 'UR';

type Around = { set: CharacterSet; encoding: ElementEncoding; inItem: boolean; inGraphics: boolean };

export class DataSetCleaner {
  readonly #subject: Subject;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  clean(dataSet: DataSet, encoding: ElementEncoding): DataSet {
    return this.#dataSet(dataSet, { set: characterSetOf(dataSet), encoding, inItem: false, inGraphics: false });
  }

  #dataSet(dataSet: DataSet, around: Around): DataSet {
    const plan = around.inItem ? this.#subject.plan.item : this.#subject.plan.top;
    const elements: DataElement[] = [];
    let hasPrivate = false;
    for (const written of dataSet.elements) {
      if (isPrivate(written.tag)) {
        hasPrivate = true;
        continue;
      }
      const one = inOwnVr(written);
      // Encapsulated is nothing but pixel data (PS3.5 A.4).
      if (one.value.kind === 'fragments' && one.tag !== pixelData) continue;
      const handling = plan.get(one.tag);
      const made = handling === undefined ? this.#unlisted(one, around) : this.#listed(one, handling, around);
      if (made !== undefined) elements.push(made);
    }
    if (hasPrivate && this.#subject.options.has('retainSafePrivate')) this.#keepSafePrivate(dataSet, elements, around);
    return { elements };
  }

  #listed(one: DataElement, { treatment, otherwise }: Handling, around: Around): DataElement | undefined {
    if (one.tag === patientId || one.tag === patientName) return this.#patient(one, around);
    switch (treatment) {
      case 'remove':
        return undefined;
      case 'empty':
        return emptyElement(one.tag, effectiveVr(one));
      case 'dummy':
        return this.#dummy(one, around);
      case 'replace-uid':
        return one.value.kind === 'sequence' ? this.#items(one, around) : this.#uids(one);
      case 'shift-date':
        return one.value.kind === 'sequence' ? this.#items(one, around) : this.#shifted(one, otherwise, around);
      case 'replace-ae':
        return this.#aeTitles(one);
      case 'clean-text':
        return one.value.kind === 'sequence' ? this.#items(one, around) : this.#cleaned(one, otherwise, around);
      case 'clean-content':
        return this.#items(one, around);
      case 'clean-graphics':
        return this.#items(one, { ...around, inGraphics: true });
      case 'keep':
        return this.#kept(one, otherwise, around);
    }
  }

  #unlisted(one: DataElement, around: Around): DataElement | undefined {
    switch (unlistedTreatment(one, this.#subject.options, around.inItem)) {
      case 'remove':
        return undefined;
      case 'empty':
        return emptyElement(one.tag, effectiveVr(one));
      case 'replace-uid':
        return this.#uids(one);
      case 'shift-date':
        return this.#shifted(one, 'empty', around);
      case 'replace-ae':
        return this.#aeTitles(one);
      case 'watch':
        return this.#watched(one, around);
      case 'watch-closely':
        return this.#watched(one, around, looksIdentifying);
      case 'watch-meaning':
        return this.#watched(one, around, meaningLooksIdentifying);
      case 'watch-code':
        return this.#code(one);
      case 'watch-number':
        return this.#watchedNumber(one);
      case 'keep':
        return this.#kept(one, 'empty', around);
    }
  }

  #patient(one: DataElement, { set }: Around): DataElement {
    const [value = ''] = textValues(one, set);
    return makeElement(one.tag, one.tag === patientName ? 'PN' : 'LO', this.#subject.pseudonymFor(one.tag, value));
  }

  #dummy(one: DataElement, around: Around): DataElement | undefined {
    const vr = effectiveVr(one);
    if (one.value.kind === 'sequence') {
      if (one.value.items.length === 0) return one;
      // What stands in the place of drawings has the name of their layer, which may mention somebody.
      return this.#items(dummySequence(one, around.encoding.littleEndian) ?? one, around);
    }
    // A sequence that nobody could read as one.
    if (vr === 'SQ') return emptyElement(one.tag, 'SQ');
    if (one.value.kind === 'bytes' && one.value.bytes.length === 0) return one;
    return vr === 'UI' ? this.#uids(one) : dummyElement(one);
  }

  #items(one: DataElement, around: Around): DataElement | undefined {
    if (one.value.kind !== 'sequence') return undefined;
    const encoding = encodingInside(one, around.encoding);
    const items = one.value.items.map((item) => {
      const set = characterSetOf(item.dataSet, around.set);
      const inner = { set, encoding, inItem: true, inGraphics: around.inGraphics };
      return { dataSet: this.#dataSet(item.dataSet, inner), undefinedLength: item.undefinedLength };
    });
    const made: DataElement = { ...one, value: { ...one.value, items } };
    return around.inGraphics && one.tag === graphicObjects ? withoutHandwriting(made, encoding.littleEndian) : made;
  }

  #uids(one: DataElement): DataElement {
    if (one.value.kind !== 'bytes' || one.value.bytes.length > maxTextBytes) return emptyElement(one.tag, 'UI');
    const originals = bytesIn(one.value.bytes).toString('latin1').split('\\');
    const replaced = originals.map((text) => this.#subject.replaceUid(text.replace(/[\0 ]+$/, '').trim(), one.tag));
    return makeElement(one.tag, 'UI', replaced);
  }

  #shifted(one: DataElement, otherwise: Handling['otherwise'], { set }: Around): DataElement | undefined {
    const vr = effectiveVr(one);
    if (vr === 'TM') return this.#kept(one, otherwise, { set } as Around);
    const shift = vr === 'DA' ? shiftDate : vr === 'DT' ? shiftDateTime : undefined;
    if (shift === undefined) return this.#instead(one, otherwise);
    const values = textValues(one, set);
    if (values.length === 0) return one;
    const moved = values.map((value) => shift(value, this.#subject.shiftDays));
    if (moved.every((value) => value === '')) return this.#instead(one, otherwise);
    for (const value of moved) this.#subject.onShifted(value);
    return makeElement(one.tag, vr, moved);
  }

  #aeTitles(one: DataElement): DataElement {
    const titles = textValues(one).map((title) => (title === '' ? '' : this.#subject.replaceAe(title)));
    return makeElement(one.tag, effectiveVr(one), titles);
  }

  #cleaned(one: DataElement, otherwise: Handling['otherwise'], { set }: Around): DataElement | undefined {
    if (one.value.kind !== 'bytes' || !isTextVr(effectiveVr(one))) return this.#instead(one, otherwise);
    if (one.value.bytes.length === 0) return one;
    if (one.value.bytes.length > maxTextBytes) return this.#instead(one, otherwise);
    const cleaned = textValues(one, set)
      .map((value) => cleanText(value, this.#subject.words))
      .filter((value) => value !== '');
    return cleaned.length === 0 ? this.#instead(one, otherwise) : makeElement(one.tag, effectiveVr(one), cleaned);
  }

  #instead(one: DataElement, otherwise: Handling['otherwise']): DataElement | undefined {
    if (otherwise === 'remove') return undefined;
    return otherwise === 'empty' ? emptyElement(one.tag, effectiveVr(one)) : dummyElement(one);
  }

  /** What an option retains may still mention the patient, or be something else than its VR says. */
  #kept(one: DataElement, otherwise: Handling['otherwise'], around: Around): DataElement | undefined {
    if (one.value.kind === 'sequence') return this.#items(one, around);
    const vr = effectiveVr(one);
    if (isWatched(vr)) return this.#watched(one, around);
    if (vr === 'CS') return this.#code(one);
    if (vr === 'IS' || vr === 'DS') return this.#watchedNumber(one);
    if (!isTextVr(vr)) return one;
    const values = textValues(one);
    const isFine = values.every((value) => hasForm(vr, value) && !(vr === 'UI' && this.#isNoClass(value)));
    if (!isFine) return vr === 'UI' ? this.#uids(one) : this.#instead(one, otherwise);
    return vr === 'AS' && values.some(isGreatAge) ? makeElement(one.tag, vr, values.map(atMostNinety)) : one;
  }

  /** A class is the same for everybody: what has somebody's number in it is none. */
  #isNoClass(uid: string): boolean {
    return !this.#subject.options.has('retainUids') && !isRegistered(uid) && this.#subject.isMentionedIn(uid);
  }

  #code(one: DataElement): DataElement {
    if (one.value.kind !== 'bytes' || one.value.bytes.length === 0) return one;
    const { tag } = one;
    if (one.value.bytes.length > maxCodeBytes) return emptyElement(tag, 'CS');
    const values = textValues(one);
    const made = values.map((value) => this.#codeValue(tag, value));
    return made.every((value, i) => value === values[i]) ? one : makeElement(tag, 'CS', made);
  }

  #codeValue(tag: number, value: string): string {
    if (tag === specificCharacterSet) return characterSetForm.test(value) ? value : '';
    if (definedTermAttributes.has(tag) && definedTerms.has(value)) return value;
    const known = isImageType(tag) ? imageTypeValue(value) : value;
    const isMentioned = this.#subject.isMentionedIn(known);
    if (hasForm('CS', known) && !isMentioned) return known;
    if (isImageType(tag)) return isMentioned ? 'OTHER' : known.toUpperCase();
    const clean = cleanText(known, this.#subject.words).toUpperCase();
    if (clean !== '' && hasForm('CS', clean)) return clean;
    return isMentioned ? dummyText : '';
  }

  #watched(one: DataElement, { set }: Around, looks?: (text: string) => boolean): DataElement {
    if (one.value.kind !== 'bytes' || one.value.bytes.length === 0) return one;
    const { words } = this.#subject;
    // What the dictionary calls text counts as text, whatever VR somebody gave it.
    const text = isTextVr(effectiveVr(one)) ? one : { ...one, vr: 'UN' };
    if (one.value.bytes.length > maxTextBytes) return dummyElement(text);
    const values = textValues(text, set);
    const isSuspect = values.some((value) => this.#subject.isMentionedIn(value) || looks?.(value) === true);
    if (!isSuspect) return one;
    const cleaned = values.map((value) => cleanText(value, words) || dummyText);
    return makeElement(one.tag, effectiveVr(text), cleaned);
  }

  #watchedNumber(one: DataElement): DataElement {
    if (one.value.kind !== 'bytes' || one.value.bytes.length === 0) return one;
    if (one.value.bytes.length > maxTextBytes) return one;
    const vr = effectiveVr(one);
    const isSuspect = textValues(one).some((value) => !hasForm(vr, value) || this.#isNumberOfSomebody(value));
    return isSuspect ? emptyElement(one.tag, vr) : one;
  }

  /** Whole numbers only: in decimals, digits that somebody's number has are chance. */
  #isNumberOfSomebody(value: string): boolean {
    const [, digits] = /^[+-]?(\d{5,})(?:\.0*)?$/.exec(value) ?? [];
    return digits !== undefined && this.#subject.isMentionedIn(digits);
  }

  /** Appends to `elements`, which has the others already, in order. */
  #keepSafePrivate(dataSet: DataSet, elements: DataElement[], around: Around): void {
    const kept: DataElement[] = [];
    const creators = new Set<number>();
    for (const one of dataSet.elements) {
      if (!isPrivate(one.tag) || isPrivateCreator(one.tag)) continue;
      const creator = privateCreator(one.tag, dataSet);
      const creatorTag = creatorTagOf(one.tag);
      if (!creator || creatorTag === undefined || !this.#subject.safePrivate.has(creator, one.tag)) continue;
      const made = this.#safePrivate(one, creator, around);
      if (made === undefined) continue;
      kept.push(made);
      creators.add(creatorTag);
    }
    for (const tag of creators) kept.push(element(dataSet, tag) as DataElement);
    elements.push(...kept);
    elements.sort((a, b) => a.tag - b.tag);
  }

  #safePrivate(one: DataElement, creator: string, around: Around): DataElement | undefined {
    const { options, safePrivate } = this.#subject;
    if (one.value.kind === 'fragments') return undefined;
    if (one.value.kind === 'sequence') return this.#items(one, around);
    if (one.vr === 'UI' || safePrivate.holdsUid(creator, one.tag))
      return options.has('retainUids') ? one : this.#uids(one);
    if (one.vr === 'PN' || one.vr === 'SQ') return undefined;
    if (one.vr === 'DA' || one.vr === 'DT') {
      if (options.has('retainFullDates')) return one;
      return options.has('retainModifiedDates') ? this.#shifted(one, 'remove', around) : undefined;
    }
    const isText = isTextVr(one.vr);
    if (isText && one.value.bytes.length > maxTextBytes) return undefined;
    if (strictForms.has(one.vr) && !textValues(one).every((value) => hasForm(one.vr, value))) return undefined;
    if (!isText && one.value.bytes.length > 1024) return one;
    const text = one.vr === 'UN' ? bytesIn(one.value.bytes).toString('latin1') : textValues(one, around.set).join('\\');
    return this.#subject.isMentionedIn(text) ? undefined : one;
  }
}
