/**
 * Reads a Part 10 object (PS3.10 section 7) without its bulk: what is long stays where it lies, as a range of the source.
 * Tolerates a missing preamble or file meta information.
 */
import { inflateRawSync } from 'node:zlib';
import { uid } from '../uids.ts';
import { BufferSource } from './byteSources.ts';
import { ByteWindow, windowSize } from './byteWindow.ts';
import { dataSetError } from './dataSetErrors.ts';
import { DataSetReader } from './dataSetReader.ts';
import { type ByteSource, bytesIn, type DataSet, type DicomObject, element } from './dicomObject.ts';
import { type ParsedFileMeta, parseFileMeta, preambleLength } from './fileMeta.ts';
import { defaultLimits, type ParseLimits } from './parseLimits.ts';
import { textOf } from './smallDataSet.ts';
import { encodingOf } from './transferSyntax.ts';
import { vrForm } from './valueRepresentation.ts';

/** Throws GatewayError with a code of `DataSetCode`; errors of the source pass through. */
export function parsePart10(source: ByteSource, limits: Partial<ParseLimits> = {}): DicomObject {
  const bounds = { ...defaultLimits, ...limits };
  const window = new ByteWindow(source, bounds.maxBytesInMemory);
  const parsed = readMeta(window);
  const transferSyntaxUid = parsed.transferSyntaxUid || guessTransferSyntax(window, parsed.dataSetOffset);
  const encoding = encodingOf(transferSyntaxUid);
  const reader = encoding.deflated
    ? new DataSetReader(inflate(source, parsed.dataSetOffset, bounds), bounds)
    : new DataSetReader(window, bounds);
  const dataSet = reader.read(encoding.deflated ? 0 : parsed.dataSetOffset, encoding);
  return {
    meta: {
      sopClassUid: parsed.sopClassUid || uidIn(dataSet, 0x00080016),
      sopInstanceUid: parsed.sopInstanceUid || uidIn(dataSet, 0x00080018),
      transferSyntaxUid,
    },
    encoding,
    dataSet,
  };
}

function readMeta(window: ByteWindow): ParsedFileMeta {
  if (window.size < 8) throw dataSetError('dataset.not-dicom', `an object of ${window.size} bytes is no DICOM object`);
  const head = Math.min(windowSize, window.size);
  const index = window.at(0, head);
  const bytes = window.bytes.subarray(index, index + head);
  const meta = parseFileMeta(withinGroupLength(bytes));
  if (meta !== undefined) {
    if (meta.dataSetOffset > window.size)
      throw dataSetError('dataset.truncated', 'the file meta information is cut short');
    return meta;
  }
  const hasPreamble = bytes.toString('latin1', preambleLength, preambleLength + 4) === 'DICM';
  return { dataSetOffset: hasPreamble ? preambleLength + 4 : 0 };
}

/**
 * The file meta information alone, by its group length (0002,0000): what a sender put first into its data set must not pass for
 * it. All of the bytes when that is no place where it can end.
 */
function withinGroupLength(bytes: Buffer): Buffer {
  const hasPreamble = bytes.toString('latin1', preambleLength, preambleLength + 4) === 'DICM';
  const start = hasPreamble ? preambleLength + 4 : 0;
  const isGroupLength = bytes.toString('latin1', start, start + 8) === '\x02\0\0\0UL\x04\0';
  if (!isGroupLength || start + 12 > bytes.length) return bytes;
  const end = start + 12 + bytes.readUInt32LE(start + 8);
  const within = bytes.subarray(0, end);
  return end <= bytes.length && parseFileMeta(within)?.dataSetOffset === end ? within : bytes;
}

/** For files without file meta information: by how the first element looks, which is in a low, even group. */
function guessTransferSyntax(window: ByteWindow, offset: number): string {
  if (offset + 8 > window.size) throw dataSetError('dataset.not-dicom', 'there is no data set');
  const index = window.at(offset, 8);
  const group = window.bytes.readUInt16LE(index);
  const swapped = window.bytes.readUInt16BE(index);
  const littleEndian = group <= swapped;
  const isGroup = Math.min(group, swapped) <= 0x0100;
  if (!isGroup) throw dataSetError('dataset.not-dicom', 'there is no file meta information, and no data set either');
  const { vr } = vrForm(window.bytes.readUInt16BE(index + 4));
  if (!/^[A-Z]{2}$/.test(vr)) return uid.implicitVrLittleEndian;
  return littleEndian ? uid.explicitVrLittleEndian : uid.explicitVrBigEndian;
}

/** PS3.5 A.5: raw deflate. What it inflates to is bounded, so nothing small can become large. */
function inflate(source: ByteSource, offset: number, { maxBytesInMemory }: ParseLimits): ByteWindow {
  const length = source.size - offset;
  if (length > maxBytesInMemory) {
    throw dataSetError('dataset.too-large', `the deflated data set has ${length} bytes, more than ${maxBytesInMemory}`);
  }
  try {
    const inflated = inflateRawSync(source.read(offset, length), { maxOutputLength: maxBytesInMemory });
    return new ByteWindow(new BufferSource('inflated', inflated), maxBytesInMemory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw dataSetError('dataset.too-large', `the data set inflates to more than ${maxBytesInMemory} bytes`);
    }
    throw dataSetError('dataset.deflate', 'the deflated data set cannot be inflated', error);
  }
}

function uidIn(dataSet: DataSet, tag: number): string {
  const value = element(dataSet, tag)?.value;
  return value?.kind === 'bytes' ? textOf(bytesIn(value.bytes).toString('latin1')) : '';
}
