/**
 * Finds the instances in a segment by reading it: for the tail that the index had not seen when the process died, and for
 * a rebuild. Frames are looked for at every block, so a damaged one hides none that come after it.
 */
import { readSync } from 'node:fs';
import { hashExtents, type SegmentLookup } from './extentReader.ts';
import {
  blockSize,
  decodeFrameHeader,
  type Extent,
  type FrameHeader,
  frameHeaderLength,
  type InstanceMeta,
  segmentHeaderSize,
} from './segmentFormat.ts';
import type { Segment } from './segmentStore.ts';

export type FoundInstance = { meta: InstanceMeta; extents: Extent[] };

export type ScanResult = {
  instances: FoundInstance[];
  /** The offset behind the last whole frame, or where the scan began. */
  end: number;
  /** Frames whose payload does not have the digest that their meta promises: torn, or damaged since. */
  damaged: FoundInstance[];
  /** The highest sequence number in any frame that was read. */
  highestSeq: number;
};

const windowSize = 1024 * 1024;

/** A cached view of the segment, so that block after block is not a system call each. */
class Window {
  readonly #segment: Segment;
  readonly #size: number;
  readonly #buffer = Buffer.allocUnsafe(windowSize);
  #start = 0;
  #length = 0;

  constructor(segment: Segment, size: number) {
    this.#segment = segment;
    this.#size = size;
  }

  /** Up to `length` bytes from `offset`; fewer at the end of the segment. */
  at(offset: number, length: number): Buffer {
    if (length > windowSize) {
      const large = Buffer.allocUnsafe(Math.min(length, this.#size - offset));
      return large.subarray(0, readSync(this.#segment.fd, large, 0, large.length, offset));
    }
    if (offset < this.#start || offset + length > this.#start + this.#length) {
      this.#start = offset;
      this.#length = readSync(this.#segment.fd, this.#buffer, 0, Math.min(windowSize, this.#size - offset), offset);
    }
    const from = offset - this.#start;
    return this.#buffer.subarray(from, Math.min(from + length, this.#length));
  }
}

function headerAt(window: Window, offset: number, generation: number): FrameHeader | undefined {
  const length = frameHeaderLength(window.at(offset, 28), generation);
  // A length that is larger than any meta comes from a block that only looks like a header.
  if (length === undefined || length > 64 * windowSize) return undefined;
  return decodeFrameHeader(window.at(offset, length), generation);
}

/** Reads `segment` from `from` (a multiple of the block size) to its end. */
export function scanSegment(segment: Segment, from: number, lookup: SegmentLookup): ScanResult {
  const { size } = segment;
  const window = new Window(segment, size);
  const result: ScanResult = { instances: [], end: from, damaged: [], highestSeq: 0 };
  for (let offset = from; offset + blockSize <= size; ) {
    const header = headerAt(window, offset, segment.generation);
    if (header === undefined || offset + header.frameLength > size) {
      offset += blockSize;
      continue;
    }
    if (header.type === 'instance') {
      const meta = JSON.parse(header.meta.toString('utf8')) as InstanceMeta;
      const here = {
        segment: segment.id,
        generation: segment.generation,
        offset: offset + header.payloadOffset,
        length: header.payloadLength,
      };
      const extents = [...meta.parts, here];
      const digest = hashExtents(extents, lookup);
      if (digest === meta.sha256) result.instances.push({ meta, extents });
      // Without its earlier pieces it is no damage: they were recycled when it had been delivered.
      else if (digest !== undefined) result.damaged.push({ meta, extents });
      result.highestSeq = Math.max(result.highestSeq, meta.seq);
    }
    offset += header.frameLength;
    result.end = offset;
  }
  return result;
}

/** Whether anything was ever written into this life of the segment: what was acknowledged implies a whole first frame. */
export function hasFrames(segment: Segment): boolean {
  return headerAt(new Window(segment, segment.size), segmentHeaderSize, segment.generation) !== undefined;
}

/** The instances whose last frame lies in `segment`, without reading their bytes. */
export function instancesIn(segment: Segment): InstanceMeta[] {
  const { size } = segment;
  const window = new Window(segment, size);
  const found: InstanceMeta[] = [];
  for (let offset = blockSize; offset + blockSize <= size; ) {
    const header = headerAt(window, offset, segment.generation);
    if (header?.type === 'instance') found.push(JSON.parse(header.meta.toString('utf8')) as InstanceMeta);
    offset += header === undefined ? blockSize : header.frameLength;
  }
  return found;
}
