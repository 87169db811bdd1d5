/** The bytes of a result, put together from its pieces: as they will be delivered. */
import { join } from 'node:path';
import { GatewayError } from '../../base/errors.ts';
import type { ByteSource } from '../../dicom/dataSet/dicomObject.ts';
import type { FileRange } from '../../spool/spoolTypes.ts';
import type { ResultPiece, ResultRecord } from '../../spool/work/workTypes.ts';
import { OpenFiles, RangesSource } from './inputSource.ts';
import type { RunInput } from './runTypes.ts';

export type ResultPlaces = {
  /** Of the run. */
  directory: string;
  /** At least those that the pieces name. */
  inputs: readonly RunInput[];
  files: OpenFiles;
};

/** Valid as long as `files` is not closed. */
export function resultSource(result: ResultRecord, places: ResultPlaces): ByteSource {
  return new RangesSource(
    result.name,
    result.pieces.flatMap((piece) => rangesOf(piece, places)),
    places.files,
  );
}

/** Everything of a result, in pieces of at most 1 MiB; for whoever copies it elsewhere. */
export function* readResult(result: ResultRecord, places: Omit<ResultPlaces, 'files'>): Generator<Buffer> {
  const files = new OpenFiles();
  try {
    const source = resultSource(result, { ...places, files });
    for (let done = 0; done < source.size; done += chunkSize) {
      yield source.read(done, Math.min(chunkSize, source.size - done));
    }
  } finally {
    files.close();
  }
}

const chunkSize = 1024 * 1024;

function rangesOf(piece: ResultPiece, { directory, inputs }: ResultPlaces): FileRange[] {
  if ('file' in piece) return [{ path: join(directory, piece.file), offset: piece.offset, length: piece.length }];
  const input = inputs.find(({ id }) => id === piece.instance);
  if (input === undefined) {
    throw new GatewayError(`a piece of a result lies in instance ${piece.instance}, which is no input of the run`, {
      code: 'engine.piece',
      operation: 'read result',
    });
  }
  return cut(input.ranges, piece.offset, piece.length);
}

/** `length` bytes from `offset` of what `ranges` are together. */
export function cut(ranges: readonly FileRange[], offset: number, length: number): FileRange[] {
  const found: FileRange[] = [];
  let skip = offset;
  let left = length;
  for (const range of ranges) {
    if (left === 0) break;
    if (skip >= range.length) {
      skip -= range.length;
      continue;
    }
    const take = Math.min(range.length - skip, left);
    found.push({ path: range.path, offset: range.offset + skip, length: take });
    left -= take;
    skip = 0;
  }
  if (left > 0) throw new RangeError(`${length} bytes from ${offset} are not in the ranges`);
  return found;
}
