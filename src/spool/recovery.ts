/**
 * Brings segments and index together when the spool opens: the only place where recovery happens. The segments are the
 * truth. What the index knows of a segment is believed up to its mark; what lies behind it is read and verified. After a
 * power cut the index may be older than the segments: a row of an earlier generation counts for nothing, and a `free` one
 * is believed only when the segment has no frames. Nothing that is found makes recovery throw.
 */
import type { Log } from '../base/log.ts';
import type { InstanceIndex, RouteInstance, SegmentRow } from './index/instanceIndex.ts';
import { segmentHeaderSize } from './segmentFormat.ts';
import { hasFrames, scanSegment } from './segmentScan.ts';
import type { Segment, SegmentStore } from './segmentStore.ts';

export type RecoveryReport = {
  segments: number;
  recovered: number;
  damaged: number;
  /** The highest sequence number that was seen, in the index or in a frame. */
  highestSeq: number;
};

type Context = { store: SegmentStore; index: InstanceIndex; route: RouteInstance; log: Log };

export function recover(context: Context): RecoveryReport {
  const { store, index } = context;
  const rows = new Map(index.segments().map((row) => [row.id, row]));
  const segments = store.load((id) => rows.get(id)?.generation);
  const report = { segments: segments.length, recovered: 0, damaged: 0, highestSeq: index.maxSeq };
  const known = (segment: Segment) => {
    const row = rows.get(segment.id);
    return row?.generation === segment.generation ? row : undefined;
  };
  // Instances that are found count themselves into the segments that hold their pieces: all have a row first.
  index.transaction(() => {
    for (const segment of segments) {
      if (!known(segment)) index.putSegment(segment.id, segment.generation, 'active', segmentHeaderSize);
    }
  });
  for (const segment of segments) recoverSegment(context, segment, known(segment), report);
  return report;
}

function recoverSegment(context: Context, segment: Segment, row: SegmentRow | undefined, report: RecoveryReport): void {
  const { store, index } = context;
  if (row?.state === 'sealed') return; // it was read to its end, and all of it indexed, before it was marked so
  const from = row?.state === 'active' ? row.indexedTo : segmentHeaderSize;
  if (from === segmentHeaderSize && !hasFrames(segment)) {
    index.putSegment(segment.id, segment.generation + 1, 'free', segmentHeaderSize);
    return store.recycle(segment);
  }
  const scan = scanSegment(segment, from, (id) => store.get(id));
  report.highestSeq = Math.max(report.highestSeq, scan.highestSeq);
  report.recovered += scan.instances.length;
  report.damaged += scan.damaged.length;
  for (const { meta } of scan.damaged) {
    const message =
      'found an instance whose bytes do not have their digest: torn before it was acknowledged, or damaged since';
    context.log.error('spool.instance-damaged', message, {
      segment: segment.path,
      sopInstanceUid: meta.sopInstanceUid,
    });
  }
  index.transaction(() => {
    const seqs = [...scan.instances, ...scan.damaged].map(({ meta }) => meta.seq);
    for (const seq of seqs) index.noteSeq(segment.id, segment.generation, seq);
    for (const found of scan.instances) index.addRecovered(found, context.route, report.highestSeq);
    // Behind the mark of a running gateway it is what a crash tore. In a segment that the index does not know it may be
    // what the hospital still has to get: kept, in quarantine.
    if (row === undefined) for (const found of scan.damaged) index.addDamaged(found, context.route, report.highestSeq);
    index.sealSegment(segment.id, scan.end);
  });
}
