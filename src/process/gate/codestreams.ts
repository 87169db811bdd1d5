/**
 * What in compressed pixel data is not pixels: the segments of JPEG and JPEG-LS (ITU-T T.81, T.87) and of JPEG 2000 (T.800),
 * and bytes behind the end. Tolerant: what is no such thing is wholly "not pixels". Pure.
 */

/** Views of `bytes` in which text may stand. `table`: numbers, if all is well. `behind`: after the end of the image. */
export type Part = { bytes: Buffer; where: 'comment' | 'table' | 'behind' | 'all' };

export function partsOf(bytes: Buffer): Part[] {
  if (bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xd8) return partsOfJpeg(bytes);
  if (bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0x4f) return partsOfJpeg2000(bytes);
  return [{ bytes, where: 'all' }];
}

const startOfScan = 0xda;
const endOfImage = 0xd9;
/** Tables that are numbers, each as long as somebody makes it: DHT, DQT, DRI, SOF, SOS, LSE. */
const isTable = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf) ||
  marker === 0xda ||
  marker === 0xdb ||
  marker === 0xdd ||
  marker === 0xf7 ||
  marker === 0xf8;
const hasNoLength = (marker: number) => (marker >= 0xd0 && marker <= 0xd8) || marker === 0x01;

function partsOfJpeg(bytes: Buffer): Part[] {
  const parts: Part[] = [];
  let at = 2;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at + 1] as number;
    if (bytes[at] !== 0xff) return [...parts, { bytes: bytes.subarray(at), where: 'all' }];
    if (marker === 0xff) {
      at += 1;
    } else if (marker === endOfImage) {
      return behind(bytes, at + 2, parts);
    } else if (hasNoLength(marker)) {
      at += 2;
    } else {
      const length = bytes.readUInt16BE(at + 2);
      const segment = bytes.subarray(at + 4, at + 2 + length);
      parts.push({ bytes: segment, where: isTable(marker) ? 'table' : 'comment' });
      at += 2 + Math.max(2, length);
      if (marker === startOfScan) at = endOfEntropyCodedData(bytes, at);
    }
  }
  return behind(bytes, at, parts);
}

/** The next marker that is neither a stuffed byte nor a restart: JPEG stuffs zeros, JPEG-LS what is below 0x80. */
function endOfEntropyCodedData(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] as number;
    if (next >= 0x80 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return bytes.length;
}

function behind(bytes: Buffer, at: number, parts: Part[]): Part[] {
  const rest = bytes.subarray(at);
  return rest.length > 1 ? [...parts, { bytes: rest, where: 'behind' }] : parts;
}

const startOfTile = 0xff90;
const startOfData = 0xff93;
const endOfCodestream = 0xffd9;
const comment = 0xff64;

function partsOfJpeg2000(bytes: Buffer): Part[] {
  const parts: Part[] = [];
  let at = 2;
  let tileEnd = 0;
  while (at + 4 <= bytes.length) {
    const marker = bytes.readUInt16BE(at);
    if (marker === endOfCodestream) return behind(bytes, at + 2, parts);
    if (marker === startOfData) {
      // 0: the last tile-part, which goes on to the end of the codestream; no FFD9 can be in coded data (T.800 B.10.1, D.4.1).
      const end = bytes.indexOf(endMarker, at + 2);
      at = tileEnd > at && tileEnd <= bytes.length ? tileEnd : end < 0 ? bytes.length : end;
      continue;
    }
    if (marker < 0xff00) return [...parts, { bytes: bytes.subarray(at), where: 'all' }];
    const length = bytes.readUInt16BE(at + 2);
    if (marker === startOfTile && at + 12 <= bytes.length) {
      const tileLength = bytes.readUInt32BE(at + 6);
      tileEnd = tileLength === 0 ? 0 : at + tileLength;
    }
    parts.push({ bytes: bytes.subarray(at + 4, at + 2 + length), where: marker === comment ? 'comment' : 'table' });
    at += 2 + Math.max(2, length);
  }
  return behind(bytes, at, parts);
}

const endMarker = Buffer.from([0xff, 0xd9]);
