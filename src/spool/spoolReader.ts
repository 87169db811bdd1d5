/**
 * Looks into a spool without owning it: for `spool list`, `export` and `check`, also while a gateway runs on it. Reads the
 * index and the segments and changes neither.
 */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describeError, GatewayError } from '../base/errors.ts';
import { hashExtents, readExtents } from './extentReader.ts';
import { InstanceIndex, type InstanceRecord } from './index/instanceIndex.ts';
import { decodeSegmentHeader, segmentHeaderSize } from './segmentFormat.ts';
import type { Segment } from './segmentStore.ts';

export type DamagedInstance = { segment: string; offset: number; sopInstanceUid: string; reason: string };

export class SpoolReader {
  readonly #db: Database.Database;
  readonly #segments: Map<number, Segment>;
  readonly index: InstanceIndex;

  private constructor(db: Database.Database, segments: Map<number, Segment>) {
    this.#db = db;
    this.#segments = segments;
    this.index = new InstanceIndex(db);
  }

  /** Throws `spool.absent` when there is no spool in `directory`. */
  static open(directory: string): SpoolReader {
    const path = join(directory, 'index.sqlite');
    if (!existsSync(path) && existsSync(join(directory, 'segments')))
      throw indexUnusable(directory, 'the index is not there');
    if (!existsSync(path)) {
      throw new GatewayError('there is no spool here yet', {
        code: 'spool.absent',
        operation: 'read spool',
        subject: directory,
        hint: 'is stateDirectory right? The spool is made when the gateway first runs',
      });
    }
    const db = new Database(path, { readonly: true });
    try {
      return new SpoolReader(db, openSegments(join(directory, 'segments')));
    } catch (error) {
      db.close();
      throw indexUnusable(directory, describeError(error));
    }
  }

  get segmentCount(): number {
    return this.#segments.size;
  }

  read(record: InstanceRecord): AsyncGenerator<Buffer> {
    return readExtents(record.extents, (id) => this.#segments.get(id));
  }

  /** Compares an instance's bytes with its digest; undefined: sound, or pruned and so without bytes. */
  check(record: InstanceRecord): DamagedInstance | undefined {
    const first = record.extents[0];
    if (first === undefined) return undefined;
    const digest = hashExtents(record.extents, (id) => this.#segments.get(id));
    if (digest === record.sha256) return undefined;
    return {
      segment: this.#segments.get(first.segment)?.path ?? `segment ${first.segment}`,
      offset: first.offset,
      sopInstanceUid: record.sopInstanceUid,
      reason:
        digest === undefined
          ? 'its segment is missing or too short'
          : 'its bytes do not have the digest they had when received',
    };
  }

  close(): void {
    for (const segment of this.#segments.values()) closeSync(segment.fd);
    this.#db.close();
  }
}

function indexUnusable(directory: string, why: string): GatewayError {
  return new GatewayError(`the index of the spool cannot be read: ${why}`, {
    code: 'spool.index-unusable',
    operation: 'read spool',
    subject: directory,
    hint: 'the segments are not touched by this: stop the gateway and run `medusa-gateway spool rebuild`',
  });
}

function openSegments(directory: string): Map<number, Segment> {
  const segments = new Map<number, Segment>();
  for (const name of readdirSync(directory).filter((entry) => entry.endsWith('.seg'))) {
    const path = join(directory, name);
    const fd = openSync(path, 'r');
    const block = Buffer.alloc(segmentHeaderSize);
    readSync(fd, block, 0, block.length, 0);
    const header = decodeSegmentHeader(block);
    if (header.kind === 'valid') {
      const { id, generation } = header;
      segments.set(id, { id, generation, path, fd, size: fstatSync(fd).size });
    } else closeSync(fd);
  }
  return segments;
}
