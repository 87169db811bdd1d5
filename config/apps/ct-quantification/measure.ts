/** What is measured. Pure. */
import { NotASlice, type Slice } from './dicom.ts';

/** Shares of the body, by Hounsfield units from (included) to (excluded). */
export const tissues = [
  { name: 'air', from: -32768, to: -900 },
  { name: 'lung', from: -900, to: -500 },
  { name: 'fat', from: -190, to: -30 },
  { name: 'softTissue', from: -30, to: 150 },
  { name: 'bone', from: 150, to: 32768 },
] as const;

const bodyAbove = -300;
const histogramFrom = -1024;
const histogramTo = 1976;
const binWidth = 50;

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

function normalOf(o: number[]): [number, number, number] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = o;
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

/** The slices along their normal, and the distance between them in mm (median). */
export function inOrder(slices: Slice[]): { ordered: Slice[]; distance: number } {
  const [first] = slices;
  if (first === undefined) throw new NotASlice('there are no slices');
  const odd = slices.find((one) =>
    one.orientation.some((value, i) => Math.abs(value - (first.orientation[i] ?? 0)) > 1e-3),
  );
  if (odd !== undefined) throw new NotASlice(`${odd.file} has another orientation than ${first.file}`);
  const normal = normalOf(first.orientation);
  const placed = slices.map((slice) => ({ slice, at: dot(slice.position, normal) })).sort((a, b) => a.at - b.at);
  const gaps = placed
    .slice(1)
    .map(({ at }, i) => at - (placed[i]?.at ?? at))
    .sort((a, b) => a - b);
  const distance = gaps[gaps.length >> 1] ?? first.thickness;
  return { ordered: placed.map(({ slice }) => slice), distance: distance > 0 ? distance : first.thickness };
}

/** 1 where the body is: the largest connected area above -300 HU, with what it encloses. */
export function bodyMask({ hounsfield, rows, columns }: Slice): Uint8Array {
  const labels = new Int32Array(rows * columns);
  const stack: number[] = [];
  let best = { label: 0, size: 0 };
  let label = 0;
  const spread = (start: number, belongs: (i: number) => boolean, mark: number): number => {
    let size = 0;
    stack.push(start);
    labels[start] = mark;
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      size++;
      const column = i % columns;
      for (const next of [i - columns, i + columns, column > 0 ? i - 1 : -1, column < columns - 1 ? i + 1 : -1]) {
        if (next < 0 || next >= labels.length || labels[next] !== 0 || !belongs(next)) continue;
        labels[next] = mark;
        stack.push(next);
      }
    }
    return size;
  };
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 0 || (hounsfield[i] ?? 0) <= bodyAbove) continue;
    const size = spread(i, (j) => (hounsfield[j] ?? 0) > bodyAbove, ++label);
    if (size > best.size) best = { label, size };
  }
  const mask = new Uint8Array(labels.length);
  if (best.size === 0) return mask;
  // All that the border reaches without crossing the body is outside.
  for (let i = 0; i < labels.length; i++) labels[i] = labels[i] === best.label ? 1 : 0;
  const border = (i: number) =>
    i < columns || i >= labels.length - columns || i % columns === 0 || i % columns === columns - 1;
  for (let i = 0; i < labels.length; i++) if (border(i) && labels[i] === 0) spread(i, () => true, 2);
  for (let i = 0; i < labels.length; i++) mask[i] = labels[i] === 2 ? 0 : 1;
  return mask;
}

export type SliceFigures = { file: string; bodyAreaCm2: number; lungAreaCm2: number; boneAreaCm2: number };

export function measure(slices: Slice[]) {
  const { ordered, distance } = inOrder(slices);
  const histogram = new Array<number>(Math.ceil((histogramTo - histogramFrom) / binWidth)).fill(0);
  const volumes = Object.fromEntries(tissues.map(({ name }) => [name, 0])) as Record<string, number>;
  const perSlice: SliceFigures[] = [];
  let body = 0;
  for (const slice of ordered) {
    const cm2 = (slice.spacing[0] * slice.spacing[1]) / 100;
    const counts = countTissues(slice, bodyMask(slice), histogram);
    const ml = (count: number) => count * cm2 * (distance / 10);
    body += ml(counts.body);
    for (const [name, count] of Object.entries(counts.tissues)) volumes[name] = (volumes[name] ?? 0) + ml(count);
    perSlice.push({
      file: slice.file,
      bodyAreaCm2: round(counts.body * cm2),
      lungAreaCm2: round((counts.tissues.lung ?? 0) * cm2),
      boneAreaCm2: round((counts.tissues.bone ?? 0) * cm2),
    });
  }
  return {
    ordered,
    perSlice,
    figures: {
      slices: ordered.length,
      sliceDistanceMm: round(distance),
      bodyVolumeMl: round(body),
      tissueVolumesMl: Object.fromEntries(Object.entries(volumes).map(([name, ml]) => [name, round(ml)])),
      histogram: { fromHu: histogramFrom, binWidthHu: binWidth, voxels: histogram },
    },
  };
}

const round = (value: number) => Math.round(value * 100) / 100;

function countTissues({ hounsfield }: Slice, mask: Uint8Array, histogram: number[]) {
  const counts: Record<string, number> = {};
  let body = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    body++;
    const hu = hounsfield[i] ?? 0;
    const bin = Math.floor((Math.min(histogramTo - 1, Math.max(histogramFrom, hu)) - histogramFrom) / binWidth);
    histogram[bin] = (histogram[bin] ?? 0) + 1;
    const tissue = tissues.find(({ from, to }) => hu >= from && hu < to);
    if (tissue) counts[tissue.name] = (counts[tissue.name] ?? 0) + 1;
  }
  return { body, tissues: counts };
}

/** The slices that a reader would look at first: with most lung, with most bone, and with the largest body. */
export function keySlices(perSlice: SliceFigures[]): Array<{ why: string; index: number }> {
  const most = (value: (one: SliceFigures) => number) =>
    perSlice.reduce((best, one, i) => (value(one) > value(perSlice[best] as SliceFigures) ? i : best), 0);
  const found = [
    { why: 'largest-lung', index: most((one) => one.lungAreaCm2) },
    { why: 'largest-body', index: most((one) => one.bodyAreaCm2) },
    { why: 'largest-bone', index: most((one) => one.boneAreaCm2) },
  ];
  return found.filter(({ index }, i) => found.findIndex((other) => other.index === index) === i);
}
