/**
 * JPEG lossless, Process 14 (PS3.5 8.2.1, ITU-T T.81 Annex H; transfer syntaxes .57 and .70), of 2 to 16 bits.
 *
 * Our own: jpeg-lossless-decoder-js gives wrong samples without saying so (the last pixel in colour, predictor 7 of 16
 * bits), and libjpeg-turbo is built for 8 bits here.
 */
import { malformed, unsupported } from '../pixelErrors.ts';
import type { DecodedFrame } from './codec.ts';
import { BitReader, type HuffmanTable, huffmanTable } from './jpegBits.ts';

type Frame = { precision: number; width: number; height: number; ids: number[] };
type Scan = { components: number[]; tables: HuffmanTable[]; predictor: number; shift: number };

/** Throws GatewayError `pixels.malformed` or `pixels.unsupported`. The size has been judged before. */
export function decodeJpegLossless(bytes: Buffer): DecodedFrame {
  const tables = new Map<number, HuffmanTable>();
  let frame: Frame | undefined;
  let samples: Uint16Array | undefined;
  let restartInterval = 0;
  let scanned = 0;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw malformed(`JPEG lossless: no marker at byte ${at}`);
    const marker = bytes.readUInt8(at + 1);
    if (marker === 0xd9) break;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    const segment = bytes.subarray(at + 4, end);
    if (end > bytes.length) throw malformed('JPEG lossless: a segment is cut short');
    at = end;
    if (marker === 0xc4) readTables(segment, tables);
    else if (marker === 0xdd) restartInterval = segment.length >= 2 ? segment.readUInt16BE(0) : 0;
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) {
      frame = readFrame(marker, segment);
      samples = new Uint16Array(frame.width * frame.height * frame.ids.length);
    } else if (marker === 0xda) {
      if (!frame || !samples) throw malformed('JPEG lossless: a scan before its frame');
      const scan = readScan(segment, frame, tables);
      at = decodeScan(new BitReader(bytes, at), { frame, scan, samples, restartInterval });
      scanned += scan.components.length;
      if (scanned >= frame.ids.length) break;
    }
  }
  if (!frame || !samples || scanned < frame.ids.length) throw malformed('JPEG lossless: not all components are there');
  const { precision } = frame;
  if (precision > 8) return { data: Buffer.from(samples.buffer), bytesPerSample: 2, precision, signed: false };
  return { data: Buffer.from(samples), bytesPerSample: 1, precision, signed: false };
}

function readTables(segment: Buffer, tables: Map<number, HuffmanTable>): void {
  let at = 0;
  while (at + 17 <= segment.length) {
    const counts = [...segment.subarray(at + 1, at + 17)];
    const total = counts.reduce((sum, count) => sum + count, 0);
    const values = segment.subarray(at + 17, at + 17 + total);
    if (values.length < total) throw malformed('JPEG lossless: a Huffman table is cut short');
    tables.set(segment.readUInt8(at), huffmanTable(counts, values));
    at += 17 + total;
  }
}

function readFrame(marker: number, segment: Buffer): Frame {
  if (marker !== 0xc3) throw unsupported(`JPEG process SOF${marker - 0xc0} as JPEG lossless`);
  const components = segment.length >= 6 ? segment.readUInt8(5) : 0;
  if (components === 0 || segment.length < 6 + 3 * components)
    throw malformed('JPEG lossless: a frame header is cut short');
  const ids: number[] = [];
  for (let index = 0; index < components; index++) {
    ids.push(segment.readUInt8(6 + 3 * index));
    if (segment.readUInt8(7 + 3 * index) !== 0x11 && components > 1)
      throw unsupported('JPEG lossless with subsampling');
  }
  const precision = segment.readUInt8(0);
  if (precision < 2 || precision > 16) throw malformed(`JPEG lossless of ${precision} bits`);
  return { precision, width: segment.readUInt16BE(3), height: segment.readUInt16BE(1), ids };
}

function readScan(segment: Buffer, { ids }: Frame, tables: Map<number, HuffmanTable>): Scan {
  const count = segment.length > 0 ? segment.readUInt8(0) : 0;
  if (count === 0 || segment.length < 4 + 2 * count) throw malformed('JPEG lossless: a scan header is cut short');
  const scan: Scan = {
    components: [],
    tables: [],
    predictor: segment.readUInt8(1 + 2 * count),
    shift: segment.readUInt8(3 + 2 * count) & 15,
  };
  for (let index = 0; index < count; index++) {
    const component = ids.indexOf(segment.readUInt8(1 + 2 * index));
    const table = tables.get(segment.readUInt8(2 + 2 * index) >> 4);
    if (component < 0 || !table) throw malformed('JPEG lossless: a scan names what is not there');
    scan.components.push(component);
    scan.tables.push(table);
  }
  if (scan.predictor < 1 || scan.predictor > 7) throw malformed(`JPEG lossless with predictor ${scan.predictor}`);
  return scan;
}

type ScanWork = { frame: Frame; scan: Scan; samples: Uint16Array; restartInterval: number };

/** Gives back where the next marker stands. Table H.1 for predictors; modulo 2^16 (H.1.2.1). */
function decodeScan(reader: BitReader, { frame, scan, samples, restartInterval }: ScanWork): number {
  const { width, height, precision, ids } = frame;
  const { components, tables, predictor, shift } = scan;
  const step = ids.length;
  const row = width * step;
  const first = 2 ** (precision - shift - 1);
  let left = restartInterval;
  // The row in which a restart interval begins is predicted as the first row of the image is.
  let firstRow = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let isStart = y === firstRow && x === 0;
      if (restartInterval > 0 && left-- === 0) {
        reader.restart();
        left = restartInterval - 1;
        firstRow = y;
        isStart = true;
      }
      for (let index = 0; index < components.length; index++) {
        const at = y * row + x * step + (components[index] ?? 0);
        let predicted: number;
        if (isStart) predicted = first;
        else if (y === firstRow) predicted = at >= step ? (samples[at - step] ?? 0) : first;
        else if (x === 0) predicted = samples[at - row] ?? 0;
        else
          predicted = predict(
            predictor,
            samples[at - step] ?? 0,
            samples[at - row] ?? 0,
            samples[at - row - step] ?? 0,
          );
        const table = tables[index];
        if (table) samples[at] = predicted + reader.difference(table);
      }
    }
  }
  if (shift > 0) for (let at = 0; at < samples.length; at++) samples[at] = (samples[at] ?? 0) << shift;
  return reader.nextMarker();
}

function predict(predictor: number, left: number, above: number, corner: number): number {
  switch (predictor) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return corner;
    case 4:
      return left + above - corner;
    case 5:
      return left + ((above - corner) >> 1);
    case 6:
      return above + ((left - corner) >> 1);
    default:
      return (left + above) >> 1;
  }
}
