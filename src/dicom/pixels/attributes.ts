/** Values of the attributes that describe pixels. Pure, apart from reading the bytes of the values asked for. */
import { bytesIn, type DataSet, type Encoding, element, lengthOf } from '../dataSet/dicomObject.ts';
import { malformed } from './pixelErrors.ts';

export const tags = {
  modality: 0x00080060,
  pixelSpacing: 0x00280030,
  pixelAspectRatio: 0x00280034,
  samplesPerPixel: 0x00280002,
  photometricInterpretation: 0x00280004,
  planarConfiguration: 0x00280006,
  numberOfFrames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  pixelRepresentation: 0x00280103,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
  rescaleIntercept: 0x00281052,
  rescaleSlope: 0x00281053,
  voiLutFunction: 0x00281056,
  pixelPaddingValue: 0x00280120,
  pixelPaddingRangeLimit: 0x00280121,
  redPaletteDescriptor: 0x00281101,
  greenPaletteDescriptor: 0x00281102,
  bluePaletteDescriptor: 0x00281103,
  redPaletteData: 0x00281201,
  greenPaletteData: 0x00281202,
  bluePaletteData: 0x00281203,
  segmentedRedPaletteData: 0x00281221,
  segmentedGreenPaletteData: 0x00281222,
  segmentedBluePaletteData: 0x00281223,
  modalityLutSequence: 0x00283000,
  lutDescriptor: 0x00283002,
  lutData: 0x00283006,
  voiLutSequence: 0x00283010,
  presentationLutShape: 0x20500020,
  sharedFunctionalGroups: 0x52009229,
  perFrameFunctionalGroups: 0x52009230,
  pixelValueTransformation: 0x00289145,
  frameVoiLut: 0x00289132,
  extendedOffsetTable: 0x7fe00001,
  extendedOffsetTableLengths: 0x7fe00002,
  floatPixelData: 0x7fe00008,
  doubleFloatPixelData: 0x7fe00009,
  pixelData: 0x7fe00010,
} as const;

/** A data set with what is needed to read numbers from it. */
export type Attributes = { dataSet: DataSet; encoding: Encoding };

/** LUTs may have 65,536 entries of two bytes; nothing else that is read here is larger. */
const mostBytes = 2 ** 18;

/** `(0028,0010)`, for messages. */
export const tagName = (tag: number): string => {
  const hex = tag.toString(16).padStart(8, '0').toUpperCase();
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
};

/** The bytes of a value; undefined when the element is absent or empty. */
export function valueBytes({ dataSet }: Attributes, tag: number): Buffer | undefined {
  const found = element(dataSet, tag);
  if (found?.value.kind !== 'bytes') return undefined;
  const length = lengthOf(found.value.bytes);
  if (length === 0) return undefined;
  if (length > mostBytes) throw malformed(`${tagName(tag)} has ${length} bytes`);
  return bytesIn(found.value.bytes);
}

/** Unsigned numbers of 16 bits (US, or SS and OW read as such). */
export function words(attributes: Attributes, tag: number): number[] {
  const bytes = valueBytes(attributes, tag);
  if (!bytes) return [];
  const { littleEndian } = attributes.encoding;
  return Array.from({ length: Math.floor(bytes.length / 2) }, (_, index) =>
    littleEndian ? bytes.readUInt16LE(2 * index) : bytes.readUInt16BE(2 * index),
  );
}

/** The first value of 16 bits. */
export const word = (attributes: Attributes, tag: number): number | undefined => words(attributes, tag)[0];

export const signedWord = (value: number): number => (value << 16) >> 16;

/** Values of a text element, trimmed. */
export function texts(attributes: Attributes, tag: number): string[] {
  const bytes = valueBytes(attributes, tag);
  if (!bytes) return [];
  return bytes
    .toString('latin1')
    .split('\\')
    .map((value) => value.replace(/[\0 ]+$/, '').trimStart());
}

/** Numbers of DS and IS; those of FD, as the functional groups of some have them, too. What is no number is left out. */
export function decimals(attributes: Attributes, tag: number): number[] {
  const found = element(attributes.dataSet, tag);
  if (found?.vr === 'FD') {
    const bytes = valueBytes(attributes, tag) ?? Buffer.alloc(0);
    const { littleEndian } = attributes.encoding;
    return Array.from({ length: Math.floor(bytes.length / 8) }, (_, index) =>
      littleEndian ? bytes.readDoubleLE(8 * index) : bytes.readDoubleBE(8 * index),
    );
  }
  return texts(attributes, tag)
    .filter((text) => text !== '')
    .map(Number)
    .filter(Number.isFinite);
}

/** The data sets of the items of a sequence; none when it is absent. */
export function items(attributes: Attributes, tag: number): Attributes[] {
  const found = element(attributes.dataSet, tag);
  if (found?.value.kind !== 'sequence') return [];
  return found.value.items.map(({ dataSet }) => ({ dataSet, encoding: attributes.encoding }));
}
