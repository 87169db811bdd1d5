/**
 * What a JPEG, JPEG-LS or JPEG 2000 codestream says of itself, read before a codec sees it: a codec allocates by these
 * figures, so they are compared with the data set's and with the limits first. Pure.
 */
import { malformed, unsupported } from './pixelErrors.ts';

export type CodestreamHeader = {
  width: number;
  height: number;
  components: number;
  precision: number;
  /** JPEG 2000 says so; the others do not know signs. */
  signed: boolean;
  colour: JpegColour | { kind: 'jpeg2000'; transform: boolean; reversible: boolean };
};

/** What a JPEG file says of its colours, apart from what the data set says. */
export type JpegColour = {
  kind: 'jpeg';
  /** n of SOFn; 55 for JPEG-LS. */
  process: number;
  jfif: boolean;
  /** APP14: 0 none, 1 YCbCr, 2 YCCK; undefined without the marker. */
  adobeTransform: number | undefined;
  componentIds: number[];
};

const isStartOfFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7;

const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** The frame header (ITU-T T.81 B.2.2, T.87 C.2.2) and the application markers before it. */
export function jpegHeader(bytes: Buffer): CodestreamHeader & { colour: JpegColour } {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) throw malformed('a frame does not begin like a JPEG image');
  const colour: JpegColour = { kind: 'jpeg', process: 0, jfif: false, adobeTransform: undefined, componentIds: [] };
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw malformed(`a JPEG frame has no marker at byte ${at}`);
    const marker = bytes.readUInt8(at + 1);
    if (marker === 0xff) at += 1;
    else if (hasNoLength(marker)) at += 2;
    else {
      const length = bytes.readUInt16BE(at + 2);
      const segment = bytes.subarray(at + 4, at + 2 + length);
      if (length < 2 || segment.length !== length - 2) break;
      if (isStartOfFrame(marker)) return frameHeader(marker, segment, colour);
      if (marker === 0xda) break;
      if (marker === 0xe0 && segment.toString('latin1', 0, 5) === 'JFIF\0') colour.jfif = true;
      if (marker === 0xee && segment.length >= 12 && segment.toString('latin1', 0, 5) === 'Adobe') {
        colour.adobeTransform = segment.readUInt8(11);
      }
      at += 2 + length;
    }
  }
  throw malformed('a JPEG frame has no frame header');
}

function frameHeader(marker: number, segment: Buffer, colour: JpegColour): CodestreamHeader & { colour: JpegColour } {
  const components = segment.length >= 6 ? segment.readUInt8(5) : 0;
  if (segment.length < 6 + 3 * components) throw malformed('a JPEG frame header is cut short');
  colour.process = marker === 0xf7 ? 55 : marker - 0xc0;
  for (let index = 0; index < components; index++) colour.componentIds.push(segment.readUInt8(6 + 3 * index));
  return {
    width: segment.readUInt16BE(3),
    height: segment.readUInt16BE(1),
    components,
    precision: segment.readUInt8(0),
    signed: false,
    colour,
  };
}

const mostTiles = 4096;

/** Where the codestream begins: some put the boxes of a JP2 file around it, which PS3.5 8.2.4 does not allow. */
export function jpeg2000Start(bytes: Buffer): number {
  const start = bytes.indexOf(Buffer.from([0xff, 0x4f, 0xff, 0x51]));
  if (start < 0) throw malformed('a frame does not hold a JPEG 2000 codestream');
  return start;
}

/** SIZ and COD (ITU-T T.800 A.5.1, A.6.1). */
export function jpeg2000Header(bytes: Buffer): CodestreamHeader {
  const siz = bytes.subarray(jpeg2000Start(bytes) + 4);
  if (siz.length < 38) throw malformed('a JPEG 2000 codestream is cut short in its header');
  const at = (index: number) => siz.readUInt32BE(4 + 4 * index);
  const [right, bottom, left, top, tileWidth, tileHeight, tileLeft, tileTop] = [0, 1, 2, 3, 4, 5, 6, 7].map(at) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const components = siz.readUInt16BE(36);
  const length = siz.readUInt16BE(0);
  if (right <= left || bottom <= top || tileWidth === 0 || tileHeight === 0 || length !== 38 + 3 * components) {
    throw malformed('a JPEG 2000 codestream has an impossible size');
  }
  if (siz.length < length) throw malformed('a JPEG 2000 codestream is cut short in its header');
  const tiles = Math.ceil((right - tileLeft) / tileWidth) * Math.ceil((bottom - tileTop) / tileHeight);
  if (!(tiles >= 1 && tiles <= mostTiles)) throw malformed(`a JPEG 2000 codestream has ${tiles} tiles`);
  const parts = Array.from({ length: components }, (_, index) => siz.subarray(38 + 3 * index, 41 + 3 * index));
  const first = parts[0];
  if (!first) throw malformed('a JPEG 2000 codestream has no components');
  if (parts.some((part) => part[1] !== 1 || part[2] !== 1)) throw unsupported('JPEG 2000 with subsampled components');
  if (parts.some((part) => part[0] !== first[0])) throw unsupported('JPEG 2000 with components of different depths');
  const depth = first.readUInt8(0);
  return {
    width: right - left,
    height: bottom - top,
    components,
    precision: (depth & 0x7f) + 1,
    signed: (depth & 0x80) !== 0,
    colour: { kind: 'jpeg2000', ...codingStyle(siz.subarray(length)) },
  };
}

function codingStyle(rest: Buffer): { transform: boolean; reversible: boolean } {
  let at = 0;
  while (at + 4 <= rest.length) {
    const marker = rest.readUInt16BE(at);
    const length = rest.readUInt16BE(at + 2);
    if (marker === 0xff52 && at + 14 <= rest.length) {
      return { transform: rest[at + 8] === 1, reversible: rest[at + 13] === 1 };
    }
    if (marker < 0xff00 || marker === 0xff90 || length < 2) break;
    at += 2 + length;
  }
  throw malformed('a JPEG 2000 codestream has no coding style');
}
