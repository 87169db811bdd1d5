/** Step `select`: whether an application wants an object. Reasons name attributes and the manifest's wishes, never values. */
import { characterSetOf, textValues } from '../../dicom/dataSet/characterSets.ts';
import { tagText } from '../../dicom/dataSet/dataSetErrors.ts';
import { type DataElement, type DicomObject, element } from '../../dicom/dataSet/dicomObject.ts';
import { keywordOf } from '../../dicom/dataSet/dictionary.ts';
import { effectiveVr, numberValues, stringValues } from '../../dicom/dataSet/elements.ts';
import { isTextVr } from '../../dicom/dataSet/valueRepresentation.ts';
import type { Selection } from '../application.ts';
import type { InstanceStep } from '../step.ts';
import { matcher } from './patternMatch.ts';

type TagTest = NonNullable<Selection['tags']>[number];
/** What is wrong with an object; undefined when nothing is. */
type Check = (object: DicomObject) => string | undefined;

const version = '1.0.0';
const modality = 0x00080060;

export function createSelect(where: Selection): InstanceStep {
  const checks = checksOf(where);
  return {
    name: 'select',
    version,
    apply(object) {
      for (const check of checks) {
        const reason = check(object);
        if (reason !== undefined) return { kind: 'not-selected', reason };
      }
      return { kind: 'pass', object, applied: { name: 'select', version, detail: `${checks.length} tests held` } };
    },
  };
}

function checksOf({ modality: modalities, sopClass, tags = [] }: Selection): Check[] {
  const checks: Check[] = [];
  if (modalities !== undefined) {
    const wanted = new Set(modalities.map(folded));
    checks.push(({ dataSet }) =>
      stringValues(dataSet, modality).some((value) => wanted.has(folded(value)))
        ? undefined
        : `Modality ${tagText(modality)} is not one of ${modalities.join(', ')}`,
    );
  }
  if (sopClass !== undefined) {
    checks.push(({ meta }) =>
      sopClass.includes(meta.sopClassUid) ? undefined : 'its SOP class is not one that the application asks for',
    );
  }
  return [...checks, ...tags.map(tagCheck)];
}

function tagCheck(test: TagTest): Check {
  const tag = Number.parseInt(test.tag, 16);
  const keyword = keywordOf(tag);
  const name = keyword === undefined ? tagText(tag) : `${keyword} ${tagText(tag)}`;
  const tests = valueTests(test);
  return (object) => {
    const found = element(object.dataSet, tag);
    const has = found !== undefined && !isEmpty(found);
    if (test.present !== undefined && test.present !== has) return `${name} ${has ? 'has a value' : 'has no value'}`;
    if (tests.length === 0) return undefined;
    if (!has) return `${name} has no value`;
    for (const { what, holds } of tests) if (!holds(found, object)) return `${name} ${what}`;
    return undefined;
  };
}

/** A value that is there but has nothing in it counts as none. */
function isEmpty({ value }: DataElement): boolean {
  if (value.kind === 'bytes') return value.bytes.length === 0;
  return value.kind === 'sequence' && value.items.length === 0;
}

type ValueTest = { what: string; holds: (found: DataElement, object: DicomObject) => boolean };

/** Each holds when it does for one of the values. */
function valueTests({ equals, contains, matches, min, max }: TagTest): ValueTest[] {
  const tests: ValueTest[] = [];
  const text = (what: string, holds: (value: string) => boolean) =>
    tests.push({ what, holds: (found, object) => texts(found, object).some(holds) });
  if (equals !== undefined) {
    const wanted = folded(equals);
    text('is not equal to what is asked for', (value) => folded(value) === wanted);
  }
  if (contains !== undefined) {
    const wanted = folded(contains);
    text('does not contain what is asked for', (value) => folded(value).includes(wanted));
  }
  if (matches !== undefined) text('does not match the pattern that is asked for', matcher(matches));
  if (min !== undefined || max !== undefined) {
    const [low, high] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
    tests.push({
      what: `is not between ${min ?? 'any'} and ${max ?? 'any'}`,
      holds: (found, { encoding }) => numberValues(found, encoding).some((value) => value >= low && value <= high),
    });
  }
  return tests;
}

function texts(found: DataElement, { dataSet, encoding }: DicomObject): string[] {
  if (isTextVr(effectiveVr(found))) return textValues(found, characterSetOf(dataSet));
  return numberValues(found, encoding).map(String);
}

/** Without regard to case, padding, and to how accents are composed. */
const folded = (text: string): string => text.normalize('NFC').trim().toLowerCase();
