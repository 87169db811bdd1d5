/**
 * Makes result pieces of encoded bytes. What the digest covers is what the pieces name: ranges of the input where nothing was
 * changed, and otherwise bytes in the run's file, each chunk hashed and written from the same memory.
 */
import { createHash } from 'node:crypto';
import { type ByteSource, type Bytes, bytesIn } from '../../dicom/dataSet/dicomObject.ts';
import type { ResultPiece } from '../../spool/work/workTypes.ts';
import type { RunFile } from './runFile.ts';

const chunkSize = 1024 * 1024;
/** A shorter range is copied: one piece less to upload is worth more than its bytes. */
const worthAPiece = 16 * 1024;

export type Written = { pieces: ResultPiece[]; size: number; sha256: string };

/** `input`: the object that ranges may stay in, with its number in the run. */
export function writeResult(
  parts: Iterable<Bytes>,
  file: RunFile,
  input?: { source: ByteSource; id: number },
): Written {
  const hash = createHash('sha256');
  const pieces: ResultPiece[] = [];
  let size = 0;
  for (const bytes of parts) {
    size += bytes.length;
    const place = placeOf(bytes, file, input);
    if (place !== undefined) add(pieces, place);
    for (const chunk of chunksOf(bytes)) {
      hash.update(chunk);
      if (place === undefined) add(pieces, file.append(chunk));
    }
  }
  return { pieces, size, sha256: hash.digest('hex') };
}

/** At most 1 MiB each. A chunk is valid until the next is asked for. */
export function* chunksOf(bytes: Bytes): Generator<Buffer> {
  for (let done = 0; done < bytes.length; done += chunkSize) {
    const length = Math.min(chunkSize, bytes.length - done);
    yield Buffer.isBuffer(bytes)
      ? bytes.subarray(done, done + length)
      : bytesIn({ source: bytes.source, offset: bytes.offset + done, length });
  }
}

/** Where bytes can stay as they are; undefined: they are copied into the run's file. */
function placeOf(bytes: Bytes, file: RunFile, input?: { source: ByteSource; id: number }): ResultPiece | undefined {
  if (Buffer.isBuffer(bytes)) return undefined;
  const { source, offset, length } = bytes;
  if (source === input?.source && length >= worthAPiece) return { instance: input.id, offset, length };
  if (source === file.source) return { file: file.name, offset, length };
  return undefined;
}

/** Pieces that lie one behind the other become one. */
function add(pieces: ResultPiece[], piece: ResultPiece): void {
  const last = pieces.at(-1);
  if (last !== undefined && last.offset + last.length === piece.offset && isSamePlace(last, piece)) {
    pieces[pieces.length - 1] = { ...last, length: last.length + piece.length };
  } else if (piece.length > 0) pieces.push(piece);
}

const isSamePlace = (a: ResultPiece, b: ResultPiece): boolean =>
  'file' in a ? 'file' in b && a.file === b.file : 'instance' in b && a.instance === b.instance;
