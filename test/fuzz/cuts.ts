/** Hands bytes over in pieces, in memory that is overwritten right after the call, as the listener's shared buffer is. */
import type { Random } from './random.ts';

const shared = Buffer.allocUnsafeSlow(64 * 1024);

export function feed(pieces: Iterable<Buffer>, push: (piece: Buffer) => void): void {
  for (const piece of pieces) {
    const bytes =
      piece.length <= shared.length ? shared.subarray(0, piece.length) : Buffer.allocUnsafeSlow(piece.length);
    piece.copy(bytes);
    try {
      push(bytes);
    } finally {
      bytes.fill(0xee);
    }
  }
}

/** `bytes` in pieces of random sizes: often tiny, of one byte each when they are not many. */
export function randomCuts(bytes: Buffer, random: Random): Buffer[] {
  const largest = random.pick(bytes.length < 500 ? [1, 3, 7, 13, 64] : [13, 64, 256, 4096]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + random.between(1, largest);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}
