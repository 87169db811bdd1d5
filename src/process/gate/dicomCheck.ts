/** Looks at one DICOM object that would leave: its attributes at every level, and what its values say. */
import { inflateRawSync } from 'node:zlib';
import { GatewayError } from '../../base/errors.ts';
import { classUids, vocabularyUrls } from '../../dicom/confidentiality/ownRules.ts';
import { isRegistered } from '../../dicom/confidentiality/registeredUids.ts';
import { type CharacterSet, characterSetOf } from '../../dicom/dataSet/characterSets.ts';
import {
  type ByteSource,
  type Bytes,
  bytesIn,
  type DataElement,
  type DataSet,
  type DicomObject,
  element,
} from '../../dicom/dataSet/dicomObject.ts';
import { isPrivate, isPrivateCreator, lookUp } from '../../dicom/dataSet/dictionary.ts';
import { uidValue } from '../../dicom/dataSet/elements.ts';
import { parsePart10 } from '../../dicom/dataSet/parsePart10.ts';
import { isTextVr } from '../../dicom/dataSet/valueRepresentation.ts';
import type { GateFinding } from '../engine/gate.ts';
import type { AttributeRules } from './attributeRules.ts';
import { isDefined } from './definedValues.ts';
import { jsonCharacterSet } from './dicomJsonCheck.ts';
import { lookInto, unreadable } from './fileContent.ts';
import { checkFileMeta, fileMetaHead } from './fileMetaCheck.ts';
import { tagPath } from './findings.ts';
import { isAePseudonym, isHarmless, isPseudonym, isStandIn } from './harmless.ts';
import { checkMarks } from './marks.ts';
import type { Needles } from './needles.ts';
import { isOffsetTable } from './pixelCheck.ts';
import type { Found } from './scanBytes.ts';
import { searchBytes } from './textSearch.ts';
import { searchValue } from './valueSearch.ts';

export type DicomCheck = {
  rules: AttributeRules;
  needles: Needles;
  /** Made by a data part, not by our steps: what is left of attributes counts only where it is an original value. */
  isForeign: boolean;
};

type Place = { path: readonly number[]; set: CharacterSet };

/** Deflated objects are inflated in memory. */
const maxInflated = 1024 * 1024 * 1024;
const maxFindings = 50;
const maxMetaFindings = 10;
const limits = { maxBytesInMemory: 256 * 1024 * 1024 };

export function checkDicom(source: ByteSource, check: DicomCheck): GateFinding[] {
  const head = source.read(0, Math.min(source.size, fileMetaHead));
  const meta = checkFileMeta(head);
  const findings = meta.findings.slice(0, maxMetaFindings);
  if (searchBytes(meta.searched, check.needles, 'text') !== undefined) {
    findings.push({
      code: 'gate.original-value',
      reason: 'an original value or UID in preamble or file meta information',
    });
  }
  let object: DicomObject;
  try {
    object = parsePart10(source, limits);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    findings.push({ code: 'gate.unreadable', reason: `it cannot be read as a DICOM object (${error.code})` });
    return findings;
  }
  if (meta.isDeflated) findings.push(...checkDeflated(source, meta.end));
  findings.push(...checkMarks(object, check.rules.options));
  new Look(check, object, findings).dataSet(object.dataSet, { path: [], set: characterSetOf(object.dataSet) });
  return findings.slice(0, maxFindings);
}

/** An object that was read from DICOM JSON. One that a data part wrote need not say of itself that it was de-identified. */
export function lookAt(object: DicomObject, check: DicomCheck, findings: GateFinding[]): void {
  if (!check.isForeign) findings.push(...checkMarks(object, check.rules.options));
  new Look(check, object, findings, true).dataSet(object.dataSet, { path: [], set: jsonCharacterSet });
}

/** Behind the end of a deflated data set there could be anything, and nobody who reads it would notice. */
function checkDeflated(source: ByteSource, start: number): GateFinding[] {
  const bytes = source.read(start, source.size - start);
  const { engine } = inflateRawSync(bytes, { maxOutputLength: maxInflated, info: true }) as unknown as {
    engine: { bytesWritten: number };
  };
  const rest = bytes.subarray(engine.bytesWritten);
  if (rest.length <= 1 && rest.every((byte) => byte === 0)) return [];
  return [{ code: 'gate.trailing-data', reason: `${rest.length} bytes behind the end of the deflated data set` }];
}

const dataSetTrailingPadding = 0xfffcfffc;
const pixelData = 0x7fe00010;
const sopClass = 0x00080016;
const encapsulatedDocument = 0x00420011;
const largestDocument = 256 * 1024 * 1024;
const patientName = 0x00100010;
const patientId = 0x00100020;

/** Commands, file meta information, media directories; groups that were retired with what was hidden in them: 1000, 1010, 7Fxx. */
function isOfNoDataSet(tag: number): boolean {
  const group = tag >>> 16;
  return group < 0x0008 || group === 0x1000 || group === 0x1010 || (group >>> 8 === 0x7f && group !== 0x7fe0);
}

class Look {
  readonly #check: DicomCheck;
  readonly #object: DicomObject;
  readonly #findings: GateFinding[];

  readonly #isJson: boolean;

  constructor(check: DicomCheck, object: DicomObject, findings: GateFinding[], isJson = false) {
    this.#isJson = isJson;
    this.#check = check;
    this.#object = object;
    this.#findings = findings;
  }

  dataSet(dataSet: DataSet, place: Place): void {
    for (const one of dataSet.elements) {
      if (this.#findings.length >= maxFindings) return;
      this.#presence(one, dataSet, place);
      this.#value(one, place);
      if (one.value.kind !== 'sequence') continue;
      const path = [...place.path, one.tag];
      for (const item of one.value.items) {
        const set = this.#isJson ? place.set : characterSetOf(item.dataSet, place.set);
        this.dataSet(item.dataSet, { path, set });
      }
    }
  }

  #find(code: string, place: Place, tag: number, what: string): void {
    this.#findings.push({ code, reason: `${tagPath(place.path, tag)} ${what}` });
  }

  /** Whether the attribute may be there as it is. */
  #presence(one: DataElement, dataSet: DataSet, place: Place): void {
    const { tag } = one;
    if (isPrivate(tag)) {
      if (!this.#mayBePrivate(one, dataSet)) this.#find('gate.private-group', place, tag, 'is private');
      return;
    }
    if ((tag & 0xffff) === 0) this.#find('gate.group-length', place, tag, 'is a group length');
    const family = tag >>> 24;
    if (family === 0x50 || family === 0x60) this.#find('gate.graphics', place, tag, 'is an overlay or a curve');
    if (tag === dataSetTrailingPadding) this.#find('gate.trailing-data', place, tag, 'is padding behind the data set');
    if (isOfNoDataSet(tag)) this.#find('gate.group', place, tag, 'is of a group that has no place in an object');
    if (one.value.kind === 'fragments') this.#fragments(one, one.value.fragments, place);
    if (this.#check.isForeign) return;
    if (tag === patientName || tag === patientId) {
      const { pseudonyms } = this.#check.needles;
      // In items other patients may be named.
      const isOfRun = (text: string) => place.path.length > 0 || pseudonyms.size === 0 || pseudonyms.has(text);
      const isFine = isHarmless(one) || valuesOf(one).every((text) => isPseudonym(text) && isOfRun(text));
      if (!isFine) this.#find('gate.attribute-left', place, tag, 'is no pseudonym');
      return;
    }
    if (this.#isKnownDocument(one, place)) return;
    const allowed = this.#check.rules.of(tag, one.value.kind === 'sequence');
    if (allowed === undefined) this.#unlisted(one, place);
    else if (allowed === 'harmless' && !isHarmless(one)) this.#left(one, place);
    else if (allowed === 'stand-in' && !isStandIn(one)) this.#left(one, place);
    else if (allowed === 'new-uid') this.#newUid(one, place);
    else if (allowed === 'cleaned') this.#cleaned(one, place);
  }

  #isKnownDocument({ tag }: DataElement, { path }: Place): boolean {
    if (tag !== encapsulatedDocument || path.length > 0) return false;
    return this.#check.rules.passesDocument(uidValue(this.#object.dataSet, sopClass));
  }

  /** A document that may pass is looked into as a file is. */
  #document(value: Bytes, place: Place): void {
    const { needles } = this.#check;
    const found: GateFinding[] = [];
    const note = (what: Found | undefined, where: string) => {
      if (what === 'uid') found.push({ code: 'gate.original-uid', reason: `an original UID in ${where}` });
      if (what === 'value') found.push({ code: 'gate.original-value', reason: `an original value in ${where}` });
    };
    if (value.length > largestDocument) found.push(unreadable('it is larger than 256 MiB'));
    else lookInto(bytesIn(value), { needles, note, findings: found });
    for (const { code, reason } of found) this.#find(code, place, encapsulatedDocument, `holds a document: ${reason}`);
  }

  #fragments(one: DataElement, fragments: readonly Bytes[], place: Place): void {
    if (one.tag !== pixelData) this.#find('gate.fragments', place, one.tag, 'has fragments and is no pixel data');
    else if (!isOffsetTable(fragments)) this.#find('gate.fragments', place, one.tag, 'has no Basic Offset Table first');
  }

  #left(one: DataElement, place: Place): void {
    this.#find('gate.attribute-left', place, one.tag, 'has a value that the profile does not let stay');
  }

  #mayBePrivate(one: DataElement, dataSet: DataSet): boolean {
    const { rules } = this.#check;
    if (isPrivateCreator(one.tag)) {
      const block = (one.tag & 0xff) << 8;
      const group = one.tag >>> 16;
      return dataSet.elements.some(
        ({ tag }) =>
          tag >>> 16 === group && (tag & 0xff00) === block && rules.isSafePrivate(valuesOf(one)[0] ?? '', tag),
      );
    }
    const creatorTag = (one.tag >>> 16) * 0x10000 + ((one.tag >>> 8) & 0xff);
    const creator = element(dataSet, creatorTag);
    return creator !== undefined && rules.isSafePrivate(valuesOf(creator)[0] ?? '', one.tag);
  }

  /** No row of the table names it: by its VR. */
  #unlisted(one: DataElement, place: Place): void {
    const { options } = this.#check.rules;
    const known = lookUp(one.tag)?.vr;
    if (known === undefined) {
      this.#find('gate.unknown-attribute', place, one.tag, 'is not in the data dictionary');
      return;
    }
    switch (one.vr === 'UN' || !isTextVr(one.vr) ? known : one.vr) {
      case 'UI':
        if (!options.has('retainUids') && !classUids.has(one.tag)) this.#newUid(one, place);
        return;
      case 'DA':
      case 'DT':
        if (!options.has('retainFullDates') && !options.has('retainModifiedDates') && !isHarmless(one))
          this.#left(one, place);
        return;
      case 'TM':
        if (!options.has('retainFullDates') && !options.has('retainModifiedDates') && !isHarmless(one))
          this.#left(one, place);
        return;
      case 'PN':
        if (!isHarmless(one)) this.#left(one, place);
        return;
      case 'AS':
        if (!options.has('retainPatientCharacteristics') && !isHarmless(one)) this.#left(one, place);
        return;
      case 'AE':
        this.#cleaned(one, place);
        return;
      case 'UR':
        if (!vocabularyUrls.has(one.tag) && !isHarmless(one)) this.#left(one, place);
    }
  }

  #newUid(one: DataElement, place: Place): void {
    const { replacements } = this.#check.needles;
    const isNew = (uid: string) => isRegistered(uid) || replacements.has(uid);
    if (!isHarmless(one) && !valuesOf(one).every((uid) => uid === '' || isNew(uid))) {
      this.#find('gate.original-uid', place, one.tag, 'has a UID that is none of the new ones');
    }
  }

  #cleaned(one: DataElement, place: Place): void {
    if (one.value.kind !== 'bytes' || isHarmless(one)) return;
    const values = valuesOf(one);
    const vr = one.vr === 'UN' ? (lookUp(one.tag)?.vr ?? 'UN') : one.vr;
    const isClean =
      vr === 'AE'
        ? values.every((title) => title === '' || isAePseudonym(title))
        : !values.some((text) => isSuspect(text, vr));
    if (!isClean) this.#find('gate.not-cleaned', place, one.tag, 'is not as cleaned text is');
  }

  /** Original values and UIDs, wherever they stand. */
  #value(one: DataElement, place: Place): void {
    if (isDefined(one, place.path)) return;
    if (one.tag === encapsulatedDocument && one.value.kind === 'bytes') {
      this.#document(one.value.bytes, place);
      return;
    }
    const found = searchValue(one, place.set, {
      ...this.#check,
      object: this.#object,
      isNested: place.path.length > 0,
    });
    if (found === 'uid') this.#find('gate.original-uid', place, one.tag, 'has an original UID');
    if (found === 'value') this.#find('gate.original-value', place, one.tag, 'has an original value');
  }
}

const valuesOf = (one: DataElement): string[] =>
  one.value.kind !== 'bytes' || one.value.bytes.length > 65_536
    ? ['?']
    : bytesIn(one.value.bytes)
        .toString('latin1')
        .split('\\')
        .map((text) => text.replace(/[\0 ]+$/, '').trim());

/** What cleaned text never has: names with their delimiters, addresses, long numbers. Dates are compared with the originals. */
function isSuspect(text: string, vr: string): boolean {
  if (vr === 'DA' || vr === 'DT' || vr === 'TM') return false;
  return /\d{5,}|[@^]|https?:/i.test(text);
}
