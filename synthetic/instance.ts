/** One synthetic SOP instance: its identity, and its bytes in pieces so that a large one need not be in memory. */
import { type Element, elementHeader, encodeDataSet, encodePart10Head, isExplicit } from './encode.ts';

export type SyntheticInstance = {
  sopClassUid: string;
  sopInstanceUid: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  transferSyntaxUid: string;
  modality: string;
  /** Instance Number (0020,0013). */
  number: number;
  /** Bytes of the data set, without preamble and file meta information. */
  size: number;
  /** The data set in pieces; made anew on each call, always the same bytes. */
  chunks(): Iterable<Uint8Array>;
  /** The whole data set in one buffer. */
  readonly dataSet: Buffer;
  /** Preamble and file meta information. */
  part10Head(): Buffer;
  /** The whole Part 10 file in one buffer. */
  part10(): Buffer;
};

export type InstanceParts = Omit<SyntheticInstance, 'size' | 'chunks' | 'dataSet' | 'part10Head' | 'part10'> & {
  /** All elements but the identity (SOP class and the UIDs; modality, instance number) and the pixel data. */
  elements: readonly Element[];
  pixels: {
    vr: 'OB' | 'OW';
    /** Bytes in all. Odd lengths are padded. */
    length: number;
    /** The value in pieces; made anew on each call. */
    chunks(): Iterable<Uint8Array>;
  };
};

const pixelDataTag = 0x7fe00010;

export function createInstance(parts: InstanceParts): SyntheticInstance {
  const { elements, pixels, ...identity } = parts;
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = identity;
  const paddedLength = pixels.length + (pixels.length % 2);
  const head = Buffer.concat([
    encodeDataSet(
      [
        ...elements,
        { tag: 0x00080016, vr: 'UI', value: sopClassUid },
        { tag: 0x00080018, vr: 'UI', value: sopInstanceUid },
        { tag: 0x00080060, vr: 'CS', value: identity.modality },
        { tag: 0x0020000d, vr: 'UI', value: identity.studyInstanceUid },
        { tag: 0x0020000e, vr: 'UI', value: identity.seriesInstanceUid },
        { tag: 0x00200013, vr: 'IS', value: identity.number },
      ],
      transferSyntaxUid,
    ),
    // Implicit VR little endian: Pixel Data is always OW (PS3.5 A.1); the header has no VR then.
    elementHeader(pixelDataTag, pixels.vr, paddedLength, isExplicit(transferSyntaxUid)),
  ]);

  function* chunks(): Iterable<Uint8Array> {
    yield head;
    yield* pixels.chunks();
    if (paddedLength > pixels.length) yield Buffer.alloc(1);
  }
  const part10Head = () => encodePart10Head(sopClassUid, sopInstanceUid, transferSyntaxUid);
  return {
    ...identity,
    size: head.length + paddedLength,
    chunks,
    get dataSet() {
      return Buffer.concat([...chunks()]);
    },
    part10Head,
    part10: () => Buffer.concat([part10Head(), ...chunks()]),
  };
}
