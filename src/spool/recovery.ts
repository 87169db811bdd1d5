/**
 * Brings segments and index together when the spool opens: the only place where recovery happens. The segments are the
 * truth. What the index knows of a segment is believed up to its mark; what lies behind it is read and verified.
 */
import type { Log } from '../base/log.ts';
import type { InstanceIndex, RouteInstance, SegmentRow } from './index/instanceIndex.ts';
import { segmentHeaderSize } from './segmentFormat.ts';
import { type FoundInstance, scanSegment } from './segmentScan.ts';
import type { Segment, SegmentStore } from './segmentStore.ts';

export type RecoveryReport = { segments: number; recovered: number; damaged: number };

export function recover(options: {
  store: SegmentStore;
  index: InstanceIndex;
  route: RouteInstance;
  log: Log;
}): RecoveryReport {
  const { store, index, log } = options;
  const segments = store.load();
  const rows = new Map(index.segments().map((row) => [row.id, row]));
  const lookup = (id: number) => store.get(id);
  const found: FoundInstance[] = [];
  const ends: Array<{ segment: Segment; end: number; row: SegmentRow | undefined }> = [];
  let damaged = 0;
  for (const segment of segments) {
    const row = rows.get(segment.id);
    const known = row !== undefined && row.generation === segment.generation ? row : undefined;
    if (known?.state === 'free') {
      store.adoptFree(segment);
      continue;
    }
    // A sealed segment was read to its end before it was marked so.
    const from = known ? known.indexedTo : segmentHeaderSize;
    const scan =
      known?.state === 'sealed'
        ? { instances: [], end: known.indexedTo, damaged: [] }
        : scanSegment(segment, store.segmentSize, from, lookup);
    found.push(...scan.instances);
    damaged += scan.damaged.length;
    for (const bad of scan.damaged) {
      const message =
        'found an instance whose bytes do not have their digest: torn before it was acknowledged, or damaged since';
      log.error('spool.instance-damaged', message, { segment: segment.path, ...bad });
    }
    ends.push({ segment, end: scan.end, row: known });
  }
  commit(options, found, ends);
  return { segments: segments.length, recovered: found.length, damaged };
}

function commit(
  { store, index, route }: { store: SegmentStore; index: InstanceIndex; route: RouteInstance },
  found: FoundInstance[],
  ends: Array<{ segment: Segment; end: number; row: SegmentRow | undefined }>,
): void {
  // A new generation makes sure that what was torn in an otherwise empty segment is never taken for something later.
  for (const { segment, end } of ends) if (end === segmentHeaderSize) store.recycle(segment);
  index.transaction(() => {
    for (const { segment, end, row } of ends) {
      const empty = end === segmentHeaderSize;
      if (row?.state !== 'sealed') index.putSegment(segment.id, segment.generation, empty ? 'free' : 'sealed', end);
    }
    found.sort((a, b) => a.meta.seq - b.meta.seq);
    index.add(found, route);
  });
}
