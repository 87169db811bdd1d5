/** An object with other pixel data: the elements and the attributes that go with them. Pure. */
import {
  type Bytes,
  type DataElement,
  type DataSet,
  type DicomObject,
  type ElementValue,
  lengthOf,
} from '../dataSet/dicomObject.ts';
import { toExplicitLittleEndian } from '../dataSet/transcode.ts';
import { encodingOf } from '../dataSet/transferSyntax.ts';
import { tags } from './attributes.ts';
import { type PixelDescription, pixelElement } from './pixelDescription.ts';

export type NewPixelData = {
  transferSyntaxUid: string;
  photometric: string;
  value: Extract<ElementValue, { kind: 'bytes' | 'fragments' }>;
};

/** The object in Explicit VR Little Endian, or in an encapsulated transfer syntax, with these pixel data. */
export function withPixelData(object: DicomObject, description: PixelDescription, pixels: NewPixelData): DicomObject {
  const { meta, dataSet } = toExplicitLittleEndian(object);
  const { transferSyntaxUid, photometric, value } = pixels;
  const tag = pixelElement(object)?.tag ?? tags.pixelData;
  const tables = value.kind === 'fragments' ? offsetTables(value.fragments) : undefined;
  const vr = value.kind === 'fragments' || description.bitsAllocated <= 8 ? 'OB' : 'OW';
  const isOther = tag !== tags.pixelData;
  const changes = new Map<number, DataElement | undefined>([
    [tag, { tag, vr: isOther ? (pixelElement(object)?.element.vr ?? 'OF') : vr, value: tables?.value ?? value }],
    [tags.extendedOffsetTable, tables?.extended],
    [tags.extendedOffsetTableLengths, tables?.lengths],
  ]);
  if (photometric !== description.photometric) changes.set(tags.photometricInterpretation, code(photometric));
  // Codestreams and what is made of them have the samples of a pixel side by side (PS3.5 8.2).
  if (description.samples > 1) changes.set(tags.planarConfiguration, number(tags.planarConfiguration, 0));
  return {
    meta: { ...meta, transferSyntaxUid },
    encoding: encodingOf(transferSyntaxUid),
    dataSet: changed(dataSet, changes),
  };
}

/** Group lengths of what changes, retired, would be wrong. */
const staleLengths = new Set([0x00280000, 0x7fe00000]);

/** Undefined in `changes` removes. */
function changed({ elements }: DataSet, changes: Map<number, DataElement | undefined>): DataSet {
  const kept = elements.filter(({ tag }) => !changes.has(tag) && !staleLengths.has(tag));
  const added = [...changes.values()].filter((one) => one !== undefined);
  return { elements: [...kept, ...added].sort((a, b) => a.tag - b.tag) };
}

function code(text: string): DataElement {
  const bytes = Buffer.from(text.length % 2 === 0 ? text : `${text} `, 'latin1');
  return { tag: tags.photometricInterpretation, vr: 'CS', value: { kind: 'bytes', bytes } };
}

function number(tag: number, value: number): DataElement {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return { tag, vr: 'US', value: { kind: 'bytes', bytes } };
}

type OffsetTables = { value: ElementValue; extended?: DataElement; lengths?: DataElement };

/**
 * One fragment a frame. The basic offset table has offsets of 32 bits; beyond that the extended one takes its place
 * (PS3.3 C.7.6.3.1.8) and the basic one is empty.
 */
function offsetTables(fragments: Bytes[]): OffsetTables {
  const offsets: number[] = [];
  let offset = 0;
  for (const fragment of fragments) {
    offsets.push(offset);
    offset += 8 + lengthOf(fragment);
  }
  if ((offsets.at(-1) ?? 0) < 2 ** 32) {
    const table = Buffer.alloc(4 * offsets.length);
    for (const [index, one] of offsets.entries()) table.writeUInt32LE(one, 4 * index);
    return { value: { kind: 'fragments', fragments: [table, ...fragments] } };
  }
  return {
    value: { kind: 'fragments', fragments: [Buffer.alloc(0), ...fragments] },
    extended: wideTable(tags.extendedOffsetTable, offsets),
    lengths: wideTable(tags.extendedOffsetTableLengths, fragments.map(lengthOf)),
  };
}

function wideTable(tag: number, numbers: number[]): DataElement {
  const bytes = Buffer.alloc(8 * numbers.length);
  for (const [index, one] of numbers.entries()) bytes.writeBigUInt64LE(BigInt(one), 8 * index);
  return { tag, vr: 'OV', value: { kind: 'bytes', bytes } };
}

/** Encapsulated pixel data in a sequence (an icon) are in the transfer syntax of the object: that cannot change then. */
export const hasNestedFragments = ({ elements }: DataSet): boolean =>
  elements.some(
    ({ value }) =>
      value.kind === 'sequence' &&
      value.items.some(
        ({ dataSet }) =>
          dataSet.elements.some((inner) => inner.value.kind === 'fragments') || hasNestedFragments(dataSet),
      ),
  );
