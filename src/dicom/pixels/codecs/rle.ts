/** RLE (PS3.5 Annex G): byte planes of a frame, most significant first, each packed by PackBits. Pure. */
import { malformed, unsupported } from '../pixelErrors.ts';
import type { DecodedFrame } from './codec.ts';

const headerLength = 64;
const mostSegments = 15;

/** `components` and `bytesPerSample` as the data set says: the codestream knows only the number of segments. */
export function decodeRle(
  bytes: Buffer,
  pixels: number,
  components: number,
  bytesPerSample: DecodedFrame['bytesPerSample'],
): DecodedFrame {
  if (bytes.length < headerLength) throw malformed('an RLE frame is shorter than its header');
  const segments = bytes.readUInt32LE(0);
  const expected = components * bytesPerSample;
  if (segments !== expected) throw malformed(`an RLE frame has ${segments} segments where ${expected} are due`);
  const data = Buffer.alloc(pixels * expected);
  for (let segment = 0; segment < segments; segment++) {
    const start = bytes.readUInt32LE(4 + 4 * segment);
    const end = segment + 1 < segments ? bytes.readUInt32LE(8 + 4 * segment) : bytes.length;
    if (start < headerLength || end < start || end > bytes.length) throw malformed('an RLE segment is out of place');
    const component = Math.floor(segment / bytesPerSample);
    const byte = bytesPerSample - 1 - (segment % bytesPerSample);
    unpack(bytes.subarray(start, end), data, component * bytesPerSample + byte, expected, pixels);
  }
  return { data, bytesPerSample, precision: 8 * bytesPerSample, signed: false };
}

/** Writes `count` bytes to every `step`th place of `to`, from `offset`. */
function unpack(packed: Buffer, to: Buffer, offset: number, step: number, count: number): void {
  let at = 0;
  let done = 0;
  let place = offset;
  while (done < count && at < packed.length) {
    const control = packed.readInt8(at++);
    if (control >= 0) {
      const literal = Math.min(control + 1, count - done);
      if (at + literal > packed.length) throw malformed('an RLE segment is cut short');
      for (let index = 0; index < literal; index++, place += step) to[place] = packed[at + index] ?? 0;
      at += control + 1;
      done += literal;
    } else if (control !== -128) {
      const value = packed[at++];
      if (value === undefined) throw malformed('an RLE segment is cut short');
      const run = Math.min(1 - control, count - done);
      for (let index = 0; index < run; index++, place += step) to[place] = value;
      done += run;
    }
  }
  if (done < count) throw malformed('an RLE segment is cut short');
}

/** The components of a pixel side by side, little endian; rows are packed apart, as PS3.5 G.3.1 asks. */
export function encodeRle(frame: Buffer, width: number, components: number, bytesPerSample: number): Buffer {
  const step = components * bytesPerSample;
  if (step > mostSegments) throw unsupported(`RLE of ${components} samples of ${bytesPerSample} bytes`);
  const header = Buffer.alloc(headerLength);
  header.writeUInt32LE(step, 0);
  const pieces: Buffer[] = [header];
  let offset = headerLength;
  for (let segment = 0; segment < step; segment++) {
    header.writeUInt32LE(offset, 4 + 4 * segment);
    const plane = Buffer.alloc(frame.length / step);
    const component = Math.floor(segment / bytesPerSample);
    const first = component * bytesPerSample + (bytesPerSample - 1 - (segment % bytesPerSample));
    for (let index = 0, from = first; index < plane.length; index++, from += step) plane[index] = frame[from] ?? 0;
    const packed = pack(plane, width);
    pieces.push(packed);
    offset += packed.length;
  }
  return Buffer.concat(pieces, offset);
}

function pack(plane: Buffer, width: number): Buffer {
  const out = Buffer.alloc(plane.length + Math.ceil(width / 128 + 1) * Math.ceil(plane.length / width) + 1);
  let to = 0;
  const literals = (from: number, end: number) => {
    for (let at = from; at < end; at += 128) {
      const chunk = plane.subarray(at, Math.min(at + 128, end));
      out[to++] = chunk.length - 1;
      to += chunk.copy(out, to);
    }
  };
  for (let row = 0; row < plane.length; row += width) {
    const rowEnd = Math.min(row + width, plane.length);
    let pending = row;
    let at = row;
    while (at < rowEnd) {
      let end = at + 1;
      while (end < rowEnd && end - at < 128 && plane[end] === plane[at]) end++;
      if (end - at >= 3) {
        literals(pending, at);
        out[to++] = 257 - (end - at);
        out[to++] = plane[at] ?? 0;
        pending = end;
      }
      at = end;
    }
    literals(pending, rowEnd);
  }
  if (to % 2 === 1) out[to++] = 0;
  return out.subarray(0, to);
}
