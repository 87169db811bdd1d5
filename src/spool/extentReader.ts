/** Reads the bytes of an instance back from the segments that hold its pieces. */
import { createHash } from 'node:crypto';
import { read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { GatewayError } from '../base/errors.ts';
import type { Extent } from './segmentFormat.ts';
import type { Segment } from './segmentStore.ts';

const readFile = promisify(read);
const chunkSize = 256 * 1024;

export type SegmentLookup = (id: number) => Segment | undefined;

/** The segment of an extent; throws when it has been recycled or is gone. */
export function segmentOf(extent: Extent, lookup: SegmentLookup): Segment {
  const segment = lookup(extent.segment);
  if (segment === undefined || segment.generation !== extent.generation) {
    throw new GatewayError(`segment ${extent.segment} generation ${extent.generation} is not there`, {
      code: 'spool.extent-missing',
      operation: 'read instance',
      hint: 'run `medusa-gateway spool check`',
    });
  }
  return segment;
}

/** The bytes of `extents`, in order, in pieces of at most 256 KiB. Each piece is fresh memory. */
export async function* readExtents(extents: readonly Extent[], lookup: SegmentLookup): AsyncGenerator<Buffer> {
  for (const extent of extents) {
    const segment = segmentOf(extent, lookup);
    for (let done = 0; done < extent.length; ) {
      const wanted = Math.min(chunkSize, extent.length - done);
      const { bytesRead, buffer } = await readFile(
        segment.fd,
        Buffer.allocUnsafe(wanted),
        0,
        wanted,
        extent.offset + done,
      );
      if (bytesRead === 0) throw new Error(`${segment.path} ends before ${extent.offset + extent.length}`);
      done += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

/** SHA-256 (hexadecimal) of what lies in `extents`; undefined when a segment is missing or too short. For recovery. */
export function hashExtents(extents: readonly Extent[], lookup: SegmentLookup): string | undefined {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkSize);
  for (const extent of extents) {
    const segment = lookup(extent.segment);
    if (segment === undefined || segment.generation !== extent.generation) return undefined;
    for (let done = 0; done < extent.length; ) {
      const wanted = Math.min(buffer.length, extent.length - done);
      const count = readSync(segment.fd, buffer, 0, wanted, extent.offset + done);
      if (count === 0) return undefined;
      hash.update(buffer.subarray(0, count));
      done += count;
    }
  }
  return hash.digest('hex');
}
