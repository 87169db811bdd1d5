/** An instance as a row of the index, and back. Pure. */
import type { Extent, InstanceMeta } from '../segmentFormat.ts';
import type { InstanceState } from '../states.ts';

export type InstanceRecord = Omit<InstanceMeta, 'parts'> & { state: InstanceState; extents: Extent[] };

export type InstanceRow = {
  seq: number;
  sop_instance: string;
  version: number;
  sop_class: string;
  transfer_syntax: string;
  study: string | null;
  series: string | null;
  modality: string | null;
  patient_id: string | null;
  peer: string;
  received_at: number;
  size: number;
  sha256: Buffer;
  flags: string;
  state: InstanceState;
  extents: string | null;
  route_tags: string | null;
};

/** Instances without a usable Study Instance UID are gathered under this name. */
export const unidentifiedStudy = 'unidentified';
export const studyOf = (meta: { studyInstanceUid?: string | undefined }) => meta.studyInstanceUid ?? unidentifiedStudy;

export function fromRow(row: InstanceRow): InstanceRecord {
  return {
    seq: row.seq,
    sopInstanceUid: row.sop_instance,
    version: row.version,
    sopClassUid: row.sop_class,
    transferSyntaxUid: row.transfer_syntax,
    ...(row.study === null ? {} : { studyInstanceUid: row.study }),
    ...(row.series === null ? {} : { seriesInstanceUid: row.series }),
    ...(row.modality === null ? {} : { modality: row.modality }),
    ...(row.patient_id === null ? {} : { patientId: row.patient_id }),
    peer: row.peer,
    receivedAt: row.received_at,
    size: row.size,
    sha256: row.sha256.toString('hex'),
    flags: row.flags === '' ? [] : row.flags.split(','),
    ...(row.route_tags === null ? {} : { routeTags: JSON.parse(row.route_tags) as Record<string, string> }),
    state: row.state,
    extents: decodeExtents(row.extents),
  };
}

export const encodeExtents = (extents: readonly Extent[]) =>
  extents.map((e) => `${e.segment}.${e.generation}.${e.offset}.${e.length}`).join(' ');

export function decodeExtents(text: string | null): Extent[] {
  if (text === null || text === '') return [];
  return text.split(' ').map((part) => {
    const [segment = 0, generation = 0, offset = 0, length = 0] = part.split('.').map(Number);
    return { segment, generation, offset, length };
  });
}
