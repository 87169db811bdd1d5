/** What a sender needs to know of a DICOM file before it sends it, from the head of the file alone. */
import { type FileHandle, open } from 'node:fs/promises';
import { describeError, GatewayError } from '../../base/errors.ts';
import { type ParsedFileMeta, parseFileMeta, preambleLength } from '../dataSet/fileMeta.ts';
import { IdentifyingTagScanner } from '../dataSet/identifyingTags.ts';
import { isUid, uid } from '../uids.ts';

export type ObjectFile = {
  path: string;
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** Where the data set begins, and how many bytes it has. */
  offset: number;
  length: number;
};

const headBytes = 64 * 1024;
/** File meta information with private information in it may be long; nothing real comes near this. */
const maxHeadBytes = 4 * 1024 * 1024;
const mediaStorageDirectory = '1.2.840.10008.1.3.10';

function refuse(path: string, why: string, hint: string, cause?: unknown): GatewayError {
  return new GatewayError(why, { code: 'scu.not-an-object', operation: 'read file', subject: path, hint, cause });
}

async function readHead(handle: FileHandle, size: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const { bytesRead } = await handle.read(buffer, done, size - done, done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** True when the file meta information goes on beyond the bytes that were read. */
function goesOn(head: Buffer, meta: ParsedFileMeta | undefined): boolean {
  const at = meta?.dataSetOffset;
  if (at === undefined) return false;
  return at + 8 > head.length || head.readUInt16LE(at) === 0x0002;
}

async function readMeta(handle: FileHandle, fileSize: number): Promise<{ head: Buffer; meta: ParsedFileMeta }> {
  let size = headBytes;
  for (;;) {
    const head = await readHead(handle, size);
    const meta = parseFileMeta(head);
    if (goesOn(head, meta) && head.length < fileSize && size < maxHeadBytes) {
      size *= 4;
      continue;
    }
    return { head, meta: meta ?? { dataSetOffset: offsetWithoutMeta(head) } };
  }
}

/** A file without group 0002: the data set begins after the prefix, or at once. */
function offsetWithoutMeta(head: Buffer): number {
  if (head.toString('latin1', preambleLength, preambleLength + 4) === 'DICM') return preambleLength + 4;
  return head.toString('latin1', 0, 4) === 'DICM' ? 4 : 0;
}

/** The encoding that a data set without file meta information seems to be in; undefined when it is no data set. */
export function guessTransferSyntax(dataSet: Buffer): string | undefined {
  if (dataSet.length < 8) return undefined;
  const explicitVr = /^[A-Z]{2}$/.test(dataSet.toString('latin1', 4, 6));
  // Objects begin with group 0008, rarely with a command or file-set group before it.
  if (dataSet.readUInt16LE(0) <= 0x0008 && dataSet.readUInt16LE(0) % 2 === 0) {
    return explicitVr ? uid.explicitVrLittleEndian : uid.implicitVrLittleEndian;
  }
  if (dataSet.readUInt16BE(0) === 0x0008 && explicitVr) return uid.explicitVrBigEndian;
  return undefined;
}

function describe(path: string, head: Buffer, meta: ParsedFileMeta, fileSize: number): ObjectFile {
  const dataSet = head.subarray(meta.dataSetOffset);
  const hint = 'take it out of what is sent, or mend it';
  if (meta.sopClassUid === mediaStorageDirectory) {
    throw refuse(path, 'a DICOMDIR, which is an index and not an object', 'send the files that it lists');
  }
  const transferSyntaxUid = isUid(meta.transferSyntaxUid) ? meta.transferSyntaxUid : guessTransferSyntax(dataSet);
  if (transferSyntaxUid === undefined || fileSize <= meta.dataSetOffset) {
    throw refuse(path, 'not a DICOM object: no data set was found in it', hint);
  }
  let { sopClassUid, sopInstanceUid } = meta;
  if (!isUid(sopClassUid) || !isUid(sopInstanceUid)) {
    const scanner = new IdentifyingTagScanner(transferSyntaxUid);
    scanner.push(dataSet);
    const tags = scanner.end();
    sopClassUid = isUid(sopClassUid) ? sopClassUid : tags.sopClassUid;
    sopInstanceUid = isUid(sopInstanceUid) ? sopInstanceUid : tags.sopInstanceUid;
  }
  if (!isUid(sopClassUid)) throw refuse(path, 'not a DICOM object: no SOP Class UID was found in it', hint);
  if (!isUid(sopInstanceUid)) throw refuse(path, 'no valid SOP Instance UID was found in it', hint);
  const length = fileSize - meta.dataSetOffset;
  return { path, sopClassUid, sopInstanceUid, transferSyntaxUid, offset: meta.dataSetOffset, length };
}

/**
 * Reads the head of a file. Tolerant: the preamble, the prefix or all file meta information may be missing. Throws
 * `scu.not-an-object` for what cannot be sent, and `scu.file` when the file cannot be read.
 */
export async function describeObjectFile(path: string): Promise<ObjectFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { size } = await handle.stat();
    const { head, meta } = await readMeta(handle, size);
    return describe(path, head, meta, size);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const details = { code: 'scu.file', operation: 'read file', subject: path, cause: error };
    throw new GatewayError(`cannot be read: ${describeError(error)}`, { ...details, hint: 'check its permissions' });
  } finally {
    await handle?.close();
  }
}
