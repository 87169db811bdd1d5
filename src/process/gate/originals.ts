/**
 * What the gate reads itself in an object as it was received, so that what the step says of it is not all there is: names, numbers,
 * dates and UIDs of the patient, the study and the instance, at the top level. Pure.
 */
import { emptyPhrases } from '../../dicom/confidentiality/identifyingAttributes.ts';
import { radiologyWords } from '../../dicom/confidentiality/radiologyWords.ts';
import { type ByteSource, type DataSet, element } from '../../dicom/dataSet/dicomObject.ts';
import { stringValues } from '../../dicom/dataSet/elements.ts';
import { parsePart10 } from '../../dicom/dataSet/parsePart10.ts';
import type { DeidentifyOption } from '../application.ts';
import { fold, tokensOf } from './fold.ts';

const names = [0x00100010, 0x00080090];
const numbers = [0x00100020, 0x00080050];
const birthDate = 0x00100030;
const studyDate = 0x00080020;
const institutionName = 0x00080080;
const manufacturer = 0x00080070;
const uids = [0x0020000d, 0x0020000e, 0x00080018];
const longest = 1024;

export type Originals = { values: string[]; uids: string[] };

export function originalsOf(source: ByteSource, options: ReadonlySet<DeidentifyOption>): Originals {
  const { dataSet } = parsePart10(source);
  const texts = (tag: number) => textsOf(dataSet, tag);
  const values = [
    ...names.flatMap((tag) => texts(tag).flatMap(partsOfName)),
    ...numbers.flatMap(texts).filter(isNumber),
  ];
  if (!options.has('retainInstitutionIdentity')) {
    const makers = new Set(texts(manufacturer).flatMap(tokensOf));
    const isMaker = (value: string) => tokensOf(value).every((word) => makers.has(word));
    values.push(...texts(institutionName).filter((value) => tells(value) && !isMaker(value)));
  }
  const kept = options.has('retainFullDates') ? datesOf(dataSet) : new Set<string>();
  const dates = options.has('retainFullDates') ? texts(birthDate) : [...texts(birthDate), ...texts(studyDate)];
  values.push(...dates.filter((date) => /^\d{8}$/.test(date) && date !== '19000101' && !kept.has(date)));
  const isGivenOut = (uid: string) => uid.startsWith('1.2.840.10008.');
  return {
    values,
    uids: options.has('retainUids') ? [] : uids.flatMap(texts).filter((uid) => uid !== '' && !isGivenOut(uid)),
  };
}

function textsOf(dataSet: DataSet, tag: number): string[] {
  const value = element(dataSet, tag)?.value;
  if (value?.kind !== 'bytes' || value.bytes.length > longest) return [];
  return stringValues(dataSet, tag).map((text) => text.replace(/[\0 ]+$/, '').trim());
}

/** Dates that stay; the same day is then no secret elsewhere. */
function datesOf({ elements }: DataSet): Set<string> {
  const dated = elements.filter(({ tag, vr }) => (vr === 'DA' || vr === 'DT') && tag !== birthDate);
  return new Set(dated.flatMap(({ tag }) => textsOf({ elements: dated }, tag)).map((text) => text.slice(0, 8)));
}

const partsOfName = (name: string): string[] =>
  name
    .split('=')
    .flatMap((group) => [group, ...group.split(/[\^ ]+/)])
    .filter(tells);

/** Not a word of radiology, nor one for nobody; three letters and more. */
function tells(text: string): boolean {
  const folded = fold(text).trim();
  if (folded.length < 3 || emptyPhrases.has(folded) || radiologyWords.has(folded)) return false;
  if (tokensOf(text).every((word) => emptyPhrases.has(word) || radiologyWords.has(word))) return false;
  return !/^[\d\s.,:/^-]+$/.test(folded) || isNumber(text);
}

function isNumber(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (/^[\d\s.,:/^-]+$/.test(text)) return digits.length >= 5 && new Set(digits).size >= 3;
  return text.length >= 4 && !emptyPhrases.has(fold(text)) && !radiologyWords.has(fold(text));
}
