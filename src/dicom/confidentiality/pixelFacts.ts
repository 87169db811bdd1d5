/**
 * What the header says of an image, as far as it bears on text in the pixels. Read from the bytes whatever VR they were given:
 * a fact is not to be missed because somebody wrote (0028,0301) as OB. Pure.
 */
import { bytesIn, type DataElement, type DataSet } from '../dataSet/dicomObject.ts';
import { numberValue, stringValue } from '../dataSet/elements.ts';

export type PixelFacts = {
  sopClass: string;
  /** Of the file meta information; the riskier of the two counts, should they differ. */
  storedAs: string;
  modality: string;
  manufacturer: string;
  model: string;
  rows: number | undefined;
  columns: number | undefined;
  /** In upper case, as are those below. */
  imageType: string[];
  burnedIn: string[];
  conversion: string;
  photometric: string;
  samples: number | undefined;
  seriesDescription: string;
  protocolName: string;
  transferSyntax: string;
};

/** What stands for a value that is a sequence or fragments, or longer than any that is looked for here. */
export const unreadable = '?';
const mostBytes = 4096;

const trimmed = (text: string) => text.replace(/[\0 ]+$/, '').trimStart();

/** The values of all elements of this tag. */
export function rawValues(dataSet: DataSet, tag: number): string[] {
  const found = dataSet.elements.filter((one) => one.tag === tag);
  return found.flatMap(({ value }) => {
    if (value.kind !== 'bytes' || value.bytes.length > mostBytes) return [unreadable];
    if (value.bytes.length === 0) return [];
    return bytesIn(value.bytes).toString('latin1').split('\\').map(trimmed);
  });
}

/** The first 16 bits; undefined when the element is absent or empty, NaN when it holds anything else. */
export function rawWord(one: DataElement | undefined, { littleEndian }: { littleEndian: boolean }): number | undefined {
  if (one === undefined) return undefined;
  if (one.value.kind !== 'bytes') return Number.NaN;
  const { length } = one.value.bytes;
  if (length === 0) return undefined;
  if (length !== 2) return Number.NaN;
  const bytes = bytesIn(one.value.bytes);
  // UN is in little endian, whatever is around it (PS3.5 6.2.2).
  return littleEndian || one.vr === 'UN' ? bytes.readUInt16LE(0) : bytes.readUInt16BE(0);
}

export function factsOf(
  dataSet: DataSet,
  meta: { sopClassUid: string; transferSyntaxUid: string },
  encoding: { littleEndian: boolean },
): PixelFacts {
  const text = (tag: number) => rawValues(dataSet, tag).join('\\').toUpperCase();
  const first = (tag: number) => (rawValues(dataSet, tag)[0] ?? '').toUpperCase();
  const samples = dataSet.elements.find(({ tag }) => tag === 0x00280002);
  return {
    sopClass: first(0x00080016) || meta.sopClassUid,
    storedAs: meta.sopClassUid,
    modality: text(0x00080060),
    // Compared with what an operator wrote, so in their character set.
    manufacturer: stringValue(dataSet, 0x00080070) ?? '',
    model: stringValue(dataSet, 0x00081090) ?? '',
    rows: numberValue(dataSet, 0x00280010, encoding),
    columns: numberValue(dataSet, 0x00280011, encoding),
    imageType: rawValues(dataSet, 0x00080008).map((value) => value.toUpperCase()),
    burnedIn: rawValues(dataSet, 0x00280301).map((value) => value.toUpperCase()),
    conversion: text(0x00080064),
    photometric: text(0x00280004),
    samples: rawWord(samples, encoding),
    seriesDescription: text(0x0008103e),
    protocolName: text(0x00181030),
    transferSyntax: meta.transferSyntaxUid,
  };
}
