/**
 * Blanks rectangles in all frames of an object, for text that is burned into the pixels. In native pixel data nothing else
 * changes. What was compressed is decoded, blanked and compressed again without loss: in the family it came in where that
 * can be encoded here, otherwise as HTJ2K, and where that cannot be either, native. What an object says of an earlier lossy
 * compression stays true and stays there.
 */
import { bytesIn, type DicomObject, lengthOf } from '../dataSet/dicomObject.ts';
import { uid } from '../uids.ts';
import { tags } from './attributes.ts';
import { blank, clipped, type Region } from './blank.ts';
import { packed } from './codecs/native.ts';
import { type FramePixels, frameDecoder, nativeWordSize } from './decodeFrame.ts';
import { framesOf, slice } from './frames.ts';
import { type LosslessEncoder, type LosslessFamily, losslessEncoder } from './losslessEncoder.ts';
import { nativeFrameBits, type PixelDescription, pixelDescription, pixelElement } from './pixelDescription.ts';
import { malformed, pixelError, unsupported } from './pixelErrors.ts';
import { PixelStore, type Scratch } from './pixelStore.ts';
import { hasNestedFragments, withPixelData } from './replacePixelData.ts';
import type { PixelCodec } from './transferSyntaxes.ts';

export type { Region } from './blank.ts';
export type BlankContext = { scratch: Scratch; memoryLimit: number };

/** The object itself when there is nothing to blank. Throws GatewayError `pixels.*`: then nothing was blanked. */
export async function blankRegions(
  object: DicomObject,
  regions: Region[],
  context: BlankContext,
): Promise<DicomObject> {
  const description = pixelDescription(object);
  if (!description) throw malformed('regions are to be blanked where there is no image');
  if (regions.some((region) => !Object.values(region).every(Number.isFinite)))
    throw malformed('a region without a place');
  if (regions.length === 0) return object;
  if (regions.some((region) => clipped(region, description).length === 0))
    throw malformed(`a region beside the image of ${description.columns} x ${description.rows} pixels`);
  checkOnlyPixels(object);
  if (description.codec === 'native') return blankNative(object, description, regions, context);
  if (hasNestedFragments(object.dataSet)) throw unsupported('encapsulated pixel data in a sequence');
  return blankCompressed(object, description, regions, context);
}

function blankNative(object: DicomObject, description: PixelDescription, regions: Region[], context: BlankContext) {
  const pixels = pixelElement(object);
  if (pixels?.value.kind !== 'bytes') throw malformed('native pixel data in fragments');
  const { bytes } = pixels.value;
  checkNothingBeyond(lengthOf(bytes), description);
  const layout = { ...description, wordSize: nativeWordSize(object, description) };
  const bits = nativeFrameBits(description);
  // Frames that share a byte or a word are blanked together.
  const together = bits % (8 * layout.wordSize) === 0 ? 1 : description.frames;
  const store = new PixelStore(context.scratch);
  for (let frame = 0, offset = 0; frame < description.frames; frame += together) {
    const isLast = frame + together >= description.frames;
    const length = isLast ? lengthOf(bytes) - offset : bits / 8;
    checkLength(length, context.memoryLimit);
    const copy = Buffer.from(bytesIn(slice(bytes, offset, length)));
    for (let one = 0; one < together; one++) blank(copy, layout, regions, one * bits);
    store.addNative(copy);
    offset += length;
  }
  const value = { kind: 'bytes', bytes: store.whole() } as const;
  const { tag } = pixels;
  const elements = object.dataSet.elements.map((one) => (one.tag === tag ? { ...one, value } : one));
  return { ...object, dataSet: { elements } };
}

const pixelTags: ReadonlySet<number> = new Set([tags.pixelData, tags.floatPixelData, tags.doubleFloatPixelData]);

/** Others than those that are blanked would stay as they are. */
function checkOnlyPixels({ dataSet }: DicomObject): void {
  const count = dataSet.elements.filter(({ tag }) => pixelTags.has(tag)).length;
  if (count > 1) throw malformed(`${count} elements of pixel data`);
}

/** Frames that the header does not count would not be blanked. */
function checkNothingBeyond(length: number, description: PixelDescription): void {
  const due = Math.ceil((nativeFrameBits(description) * description.frames) / 8);
  if (length > due + (due % 2)) throw malformed(`pixel data of ${length} bytes where ${due} are due`);
}

function checkLength(length: number, limit: number): void {
  if (length > limit) throw pixelError('pixels.too-large', `frames of ${length} bytes, the limit is ${limit}`);
}

const families: Partial<Record<PixelCodec, LosslessFamily>> = { rle: 'rle', 'jpeg-ls': 'jpeg-ls' };

async function blankCompressed(
  object: DicomObject,
  description: PixelDescription,
  regions: Region[],
  context: BlankContext,
): Promise<DicomObject> {
  const family = families[description.codec] ?? 'htj2k';
  return (
    (await encodedAgain(object, description, regions, context, family)) ??
    (await madeNative(object, description, regions, context))
  );
}

/** Undefined: it cannot be encoded so. */
async function encodedAgain(
  object: DicomObject,
  description: PixelDescription,
  regions: Region[],
  context: BlankContext,
  family: LosslessFamily,
): Promise<DicomObject | undefined> {
  const store = new PixelStore(context.scratch);
  let encoder: LosslessEncoder | undefined;
  for await (const pixels of blankedFrames(object, description, regions, context)) {
    const made = encoder ?? losslessEncoder(family, description, pixels.photometric);
    if ('reason' in made) return undefined;
    encoder = made;
    const encoded = await encoder.encode(pixels);
    if (!encoded) return undefined;
    store.addFragment(encoded);
  }
  if (!encoder) return undefined;
  const { transferSyntaxUid, photometric } = encoder;
  const value = { kind: 'fragments', fragments: store.fragments() } as const;
  return withPixelData(object, description, { transferSyntaxUid, photometric, value });
}

async function madeNative(
  object: DicomObject,
  description: PixelDescription,
  regions: Region[],
  context: BlankContext,
): Promise<DicomObject> {
  if (description.bitsAllocated === 1 && (description.rows * description.columns * description.samples) % 8 !== 0) {
    if (description.frames > 1) throw unsupported('frames of single bits that would begin within a byte');
  }
  const store = new PixelStore(context.scratch);
  let photometric = description.photometric;
  for await (const pixels of blankedFrames(object, description, regions, context)) {
    photometric = pixels.photometric;
    store.addNative(description.bitsAllocated === 1 ? packed(pixels.data) : pixels.data);
  }
  if (store.size % 2 === 1) store.addNative(Buffer.alloc(1));
  if (store.size >= 0xffffffff) throw pixelError('pixels.too-large', 'native pixel data of 4 GiB or more');
  const value = { kind: 'bytes', bytes: store.whole() } as const;
  return withPixelData(object, description, { transferSyntaxUid: uid.explicitVrLittleEndian, photometric, value });
}

async function* blankedFrames(
  object: DicomObject,
  description: PixelDescription,
  regions: Region[],
  { memoryLimit }: BlankContext,
): AsyncGenerator<FramePixels> {
  const frames = framesOf(object, description);
  const decode = frameDecoder(object, description, memoryLimit);
  for (let index = 0; index < frames.count; index++) {
    const pixels = await decode(frames.read(index, memoryLimit));
    const { photometric, bytesPerSample } = pixels;
    const decoded = { photometric, bitsAllocated: 8 * bytesPerSample, planar: false, subsampled: false, wordSize: 1 };
    blank(pixels.data, { ...description, ...decoded }, regions);
    yield pixels;
  }
}
