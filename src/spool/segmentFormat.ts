/**
 * The form of a segment file, as bytes. Pure.
 *
 * A segment is a header block and then frames, each at a multiple of `blockSize`. Blocks are never shared by two frames,
 * so writing a frame cannot tear one that is durable already. Integers are little endian.
 *
 *   header  0 "MEDUSASG"  8 version u32  12 segment id u32  16 generation u48  24 CRC-32 of bytes 0..24 u32
 *   frame   0 "MFR1"  4 type u8  8 generation u48  16 length of meta u32  20 length of payload u32
 *           24 CRC-32 of bytes 0..24 and meta  28 meta (JSON)  then payload
 *
 * The generation rises each time that a segment is recycled: frames of an earlier life do not count. A `part` frame holds a
 * piece of an instance that is still coming; an `instance` frame holds the last (mostly the only) piece and, in its meta,
 * everything there is to know, so that the index can be rebuilt from segments alone.
 */
import { crc32 } from 'node:zlib';

export const blockSize = 4096;
export const segmentHeaderSize = blockSize;
const segmentMagic = Buffer.from('MEDUSASG');
const frameMagic = Buffer.from('MFR1');
const formatVersion = 1;
const frameHeaderSize = 28;

export type FrameType = 'part' | 'instance';
const typeCode: Record<FrameType, number> = { part: 1, instance: 2 };

/** Where a piece of an instance's Part 10 bytes lies. */
export type Extent = { segment: number; generation: number; offset: number; length: number };

/** What is known of an instance beside its bytes. UIDs must be safe (digits and dots) or absent. */
export type InstanceDescription = {
  sopInstanceUid: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  studyInstanceUid?: string;
  seriesInstanceUid?: string;
  modality?: string;
  patientId?: string;
  peer: string;
  flags: string[];
  /** Values that routes look at, by tag (`0008103E`), as they came. At most 16, each at most 256 characters. */
  routeTags?: Record<string, string>;
};

/** The meta of an `instance` frame. */
export type InstanceMeta = InstanceDescription & {
  /** Identity in this spool, rising in the order of durability. */
  seq: number;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** 1 for the first instance of a SOP Instance UID, 2 for the next with other bytes, and so on. */
  version: number;
  /** Bytes and SHA-256 (hexadecimal) of the whole Part 10 object. */
  size: number;
  sha256: string;
  /** The pieces before this frame's payload, in order. */
  parts: Extent[];
};

/** Upper bound, bytes, of the meta of a frame: UIDs and names are limited, an extent is four numbers. */
export function metaBound(meta: Pick<InstanceDescription, 'routeTags'>, partCount: number): number {
  const tags = meta.routeTags === undefined ? 0 : Buffer.byteLength(JSON.stringify(meta.routeTags)) + 32;
  return 2048 + tags + 100 * partCount;
}

export const alignUp = (offset: number) => Math.ceil(offset / blockSize) * blockSize;

export function encodeSegmentHeader(id: number, generation: number): Buffer {
  const block = Buffer.alloc(segmentHeaderSize);
  segmentMagic.copy(block, 0);
  block.writeUInt32LE(formatVersion, 8);
  block.writeUInt32LE(id, 12);
  block.writeUIntLE(generation, 16, 6);
  block.writeUInt32LE(crc32(block.subarray(0, 24)), 24);
  return block;
}

export type SegmentHeader =
  | { kind: 'valid'; id: number; generation: number }
  /** All zeros: the header is written last, so the file's allocation was cut short and it holds nothing. */
  | { kind: 'blank' }
  | { kind: 'damaged' }
  /** Whole, but of a release that writes segments in another form. */
  | { kind: 'other-version'; version: number };

export function decodeSegmentHeader(block: Buffer): SegmentHeader {
  if (block.every((byte) => byte === 0)) return { kind: 'blank' };
  if (block.length < 28 || !block.subarray(0, 8).equals(segmentMagic)) return { kind: 'damaged' };
  if (block.readUInt32LE(24) !== crc32(block.subarray(0, 24))) return { kind: 'damaged' };
  const version = block.readUInt32LE(8);
  if (version !== formatVersion) return { kind: 'other-version', version };
  return { kind: 'valid', id: block.readUInt32LE(12), generation: block.readUIntLE(16, 6) };
}

/** Frame header and meta in one buffer; the payload follows directly, then padding to the next block. */
export function encodeFrameHeader(type: FrameType, generation: number, meta: Buffer, payloadLength: number): Buffer {
  const bytes = Buffer.alloc(frameHeaderSize + meta.length);
  frameMagic.copy(bytes, 0);
  bytes[4] = typeCode[type];
  bytes.writeUIntLE(generation, 8, 6);
  bytes.writeUInt32LE(meta.length, 16);
  bytes.writeUInt32LE(payloadLength, 20);
  meta.copy(bytes, frameHeaderSize);
  bytes.writeUInt32LE(crc32(meta, crc32(bytes.subarray(0, 24))), 24);
  return bytes;
}

export type FrameHeader = {
  type: FrameType;
  meta: Buffer;
  payloadOffset: number;
  payloadLength: number;
  frameLength: number;
};

/** How many bytes must be read for the header and meta of the frame that begins with `head`; undefined: no frame here. */
export function frameHeaderLength(head: Buffer, generation: number): number | undefined {
  if (head.length < frameHeaderSize || !head.subarray(0, 4).equals(frameMagic)) return undefined;
  if (head.readUIntLE(8, 6) !== generation) return undefined;
  return frameHeaderSize + head.readUInt32LE(16);
}

/** Decodes a frame header from at least `frameHeaderLength` bytes. undefined: torn, or not of this generation. */
export function decodeFrameHeader(bytes: Buffer, generation: number): FrameHeader | undefined {
  const headerLength = frameHeaderLength(bytes, generation);
  if (headerLength === undefined || bytes.length < headerLength) return undefined;
  const meta = bytes.subarray(frameHeaderSize, headerLength);
  if (bytes.readUInt32LE(24) !== crc32(meta, crc32(bytes.subarray(0, 24)))) return undefined;
  const type = bytes[4] === typeCode.instance ? 'instance' : bytes[4] === typeCode.part ? 'part' : undefined;
  if (type === undefined) return undefined;
  const payloadLength = bytes.readUInt32LE(20);
  return { type, meta, payloadOffset: headerLength, payloadLength, frameLength: alignUp(headerLength + payloadLength) };
}
