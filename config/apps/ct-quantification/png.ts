/** An 8 bit grey PNG of a slice in a window of Hounsfield units. */
import { crc32, deflateSync } from 'node:zlib';
import type { Slice } from './dicom.ts';

function chunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const framed = Buffer.alloc(typed.length + 8);
  framed.writeUInt32BE(body.length, 0);
  typed.copy(framed, 4);
  framed.writeUInt32BE(crc32(typed), framed.length - 4);
  return framed;
}

export function greyPng({ hounsfield, rows, columns }: Slice, window: { center: number; width: number }): Buffer {
  const lines = Buffer.alloc(rows * (columns + 1)); // each begins with its filter: none
  const lowest = window.center - window.width / 2;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const share = ((hounsfield[row * columns + column] ?? 0) - lowest) / window.width;
      lines[row * (columns + 1) + 1 + column] = Math.round(255 * Math.max(0, Math.min(1, share)));
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(columns, 0);
  header.writeUInt32BE(rows, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
