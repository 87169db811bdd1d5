/**
 * A data set on disk as P-DATA-TF PDUs, a block of them at a time: the file is read straight to where its bytes belong
 * between the PDU headers, so nothing is copied and at most one block is held.
 */
import type { FileHandle } from 'node:fs/promises';
import { GatewayError } from '../../base/errors.ts';
import { pdvHeaderBytes } from '../dimse/pdvWriter.ts';
import { uid } from '../uids.ts';
import type { ObjectFile } from './objectFile.ts';

const headerLength = 12;
const blockBytes = 256 * 1024;

/** Bytes that are sent: a deflated data set of odd length gets one zero byte (PS3.5 A.5), every other goes as it is. */
export function lengthOnTheWire(object: Pick<ObjectFile, 'length' | 'transferSyntaxUid'>): number {
  const isDeflated = object.transferSyntaxUid === uid.deflatedExplicitVrLittleEndian;
  return isDeflated ? object.length + (object.length % 2) : object.length;
}

async function readFully(handle: FileHandle, views: Buffer[], position: number, wanted: number): Promise<void> {
  let done = 0;
  while (done < wanted) {
    const { bytesRead } = await handle.readv(rest(views, done), position + done);
    if (bytesRead === 0) {
      const details = { code: 'scu.file', operation: 'read file', hint: 'let nobody change it while it is sent' };
      throw new GatewayError('the file became shorter while it was read', details);
    }
    done += bytesRead;
  }
}

/** `views` without their first `done` bytes. */
function rest(views: Buffer[], done: number): Buffer[] {
  if (done === 0) return views;
  const left: Buffer[] = [];
  let skip = done;
  for (const view of views) {
    if (skip < view.length) left.push(view.subarray(skip));
    skip = Math.max(0, skip - view.length);
  }
  return left;
}

/**
 * `before` (the command, framed already) and then the data set, in PDUs of at most `payload` bytes of data each.
 * Throws `scu.file` when the file has become shorter.
 */
export async function* dataSetFrames(
  handle: FileHandle,
  object: ObjectFile,
  contextId: number,
  payload: number,
  before: Buffer,
): AsyncGenerator<Buffer> {
  const total = lengthOnTheWire(object);
  const pdusPerBlock = Math.max(1, Math.floor(blockBytes / (payload + headerLength)));
  let sent = 0;
  let prefix = before;
  do {
    const data = Math.min(total - sent, pdusPerBlock * payload);
    const pdus = Math.max(1, Math.ceil(data / payload));
    const block = Buffer.allocUnsafe(prefix.length + data + pdus * headerLength);
    prefix.copy(block);
    const views: Buffer[] = [];
    let at = prefix.length;
    for (let left = data, i = 0; i < pdus; i++) {
      const step = Math.min(payload, left);
      left -= step;
      const isLast = left === 0 && sent + data === total;
      pdvHeaderBytes(contextId, step, 'data-set', isLast).copy(block, at);
      if (step > 0) views.push(block.subarray(at + headerLength, at + headerLength + step));
      at += headerLength + step;
    }
    const fromFile = Math.min(data, object.length - sent);
    if (fromFile < data) block[block.length - 1] = 0; // the pad byte is the very last one
    if (fromFile > 0) await readFully(handle, trim(views, fromFile), object.offset + sent, fromFile);
    yield block;
    prefix = Buffer.alloc(0);
    sent += data;
  } while (sent < total);
}

/** `views` cut to `wanted` bytes in all: a pad byte is not read from the file. */
function trim(views: Buffer[], wanted: number): Buffer[] {
  const total = views.reduce((sum, view) => sum + view.length, 0);
  if (total === wanted) return views;
  const last = views[views.length - 1];
  return last === undefined ? views : [...views.slice(0, -1), last.subarray(0, last.length - (total - wanted))];
}
