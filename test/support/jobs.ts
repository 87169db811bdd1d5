import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { CourierJob, FileRange } from '../../src/delivery/courierProtocol.ts';

export function job(id: number, content: Uint8Array | string, more: Partial<CourierJob> = {}): CourierJob {
  const bytes = Buffer.from(content);
  return {
    id,
    store: 'cloud',
    key: `site/object-${id}`,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    content: { base64: bytes.toString('base64') },
    contentType: 'application/dicom',
    ifAbsent: true,
    ...more,
  };
}

/** Lays `content` down in pieces, each amid other bytes, as it would lie in the segments of a spool. */
export function scatter(path: string, content: Uint8Array, pieces: number): FileRange[] {
  const ranges: FileRange[] = [];
  const size = Math.ceil(content.length / pieces);
  for (let i = 0; i < pieces; i++) {
    const piece = content.subarray(i * size, (i + 1) * size);
    const offset = 100 + i;
    writeFileSync(`${path}.${i}`, Buffer.concat([Buffer.alloc(offset, 0xee), piece, Buffer.alloc(50, 0xee)]));
    ranges.push({ path: `${path}.${i}`, offset, length: piece.length });
  }
  return ranges;
}
