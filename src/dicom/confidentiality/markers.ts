/** What an instance says of its own de-identification (PS3.15 E.1.1, E.3.6; PS3.3 C.7.1.1, C.12.1). Pure. */
import type { DataElement, DataSet } from '../dataSet/dicomObject.ts';
import { makeElement, putElement } from '../dataSet/elements.ts';
import { codeItem } from './dummySequences.ts';
import { codesOf, type ProfileOption } from './profileOptions.ts';
import { profileEdition } from './profileTable.ts';

/** (0012,0063): who did it with what; what exactly is in the codes. At most 64 characters a value. */
const method = ['MEDUSA Edge Gateway', `${profileEdition} Annex E`];

/** (0028,0303). */
function datesAre(options: ReadonlySet<ProfileOption>): string {
  if (options.has('retainFullDates')) return 'UNMODIFIED';
  return options.has('retainModifiedDates') ? 'MODIFIED' : 'REMOVED';
}

export function markersFor(options: ReadonlySet<ProfileOption>): DataElement[] {
  return [
    makeElement(0x00120062, 'CS', 'YES'),
    makeElement(0x00120063, 'LO', method),
    makeElement(
      0x00120064,
      'SQ',
      codesOf(options).map(({ value, meaning }) => codeItem(value, meaning)),
    ),
    makeElement(0x00280303, 'CS', datesAre(options)),
  ];
}

/** (0028,0301) of an image whose pixels were blanked, or that a rule says is clean. */
export const notBurnedIn = makeElement(0x00280301, 'CS', 'NO');

export function putAll(dataSet: DataSet, elements: readonly DataElement[]): void {
  for (const one of elements) putElement(dataSet, one);
}
