/** Sequences that action D replaces as a whole, because what is in their items cannot be judged one by one. Pure. */
import { type DataElement, element, type SequenceItem } from '../dataSet/dicomObject.ts';
import { makeElement, makeItem } from '../dataSet/elements.ts';
import { dummyText } from './replacementValues.ts';

const graphicLayer = 0x00700002;

export const codeItem = (value: string, meaning: string, scheme = 'DCM'): SequenceItem =>
  makeItem([
    makeElement(0x00080100, 'SH', value),
    makeElement(0x00080102, 'SH', scheme),
    makeElement(0x00080104, 'LO', meaning),
  ]);

/** A content tree that says nothing: one comment, `REMOVED`. */
const content = (): SequenceItem[] => [
  makeItem([
    makeElement(0x0040a010, 'CS', 'CONTAINS'),
    makeElement(0x0040a040, 'CS', 'TEXT'),
    makeElement(0x0040a043, 'SQ', [codeItem('121106', 'Comment')]),
    makeElement(0x0040a160, 'UT', dummyText),
  ]),
];

/** A graphic object that shows nothing: a point in the corner. */
const pointItem = (littleEndian: boolean): SequenceItem =>
  makeItem([
    makeElement(0x00700005, 'CS', 'PIXEL'),
    makeElement(0x00700020, 'US', [2], { littleEndian }),
    makeElement(0x00700021, 'US', [1], { littleEndian }),
    makeElement(0x00700022, 'FL', [1, 1], { littleEndian }),
    makeElement(0x00700023, 'CS', 'POINT'),
    makeElement(0x00700024, 'CS', 'N'),
  ]);

/** On the layer of the original, which (0070,0060) Graphic Layer Sequence has to know. */
function graphics(littleEndian: boolean, original: readonly SequenceItem[]): SequenceItem[] {
  const layer = original[0] && element(original[0].dataSet, graphicLayer);
  const objects = makeElement(0x00700009, 'SQ', [pointItem(littleEndian)]);
  return [makeItem(layer === undefined ? [objects] : [layer, objects])];
}

/** Who or where it was: not known. */
const nobody = (): SequenceItem[] => [codeItem('261665006', 'Unknown', 'SCT')];

type MakeItems = (littleEndian: boolean, original: readonly SequenceItem[]) => SequenceItem[];
const replacements = new Map<number, MakeItems>([
  [0x0040a730, content], // Content Sequence
  [0x00700001, graphics], // Graphic Annotation Sequence
  [0x00401101, nobody], // Person Identification Code Sequence
  [0x00080082, nobody], // Institution Code Sequence
]);

/** undefined: the sequence stays, and each of its items is de-identified. */
export function dummySequence(one: DataElement, littleEndian: boolean): DataElement | undefined {
  const original = one.value.kind === 'sequence' ? one.value.items : [];
  const items = replacements.get(one.tag)?.(littleEndian, original);
  return items === undefined ? undefined : makeElement(one.tag, 'SQ', items);
}

/** A drawing with more points could be handwriting. */
const maxGraphicPoints = 100;

/** (0070,0009) with drawings of few points only; a point where none is left, as the sequence must not be empty. */
export function withoutHandwriting(one: DataElement, littleEndian: boolean): DataElement {
  if (one.value.kind !== 'sequence') return one;
  const items = one.value.items.filter(({ dataSet }) => {
    const data = element(dataSet, 0x00700022)?.value;
    return data?.kind === 'bytes' && data.bytes.length <= maxGraphicPoints * 8;
  });
  if (items.length === 0) items.push(pointItem(littleEndian));
  return { ...one, value: { ...one.value, items } };
}
