/** Pixels of a computed tomography of a chest that never was: body, lungs, heart, spine, ribs and the table. */
import { noiseTable, type Random } from './random.ts';

type Ellipse = { x: number; y: number; a: number; b: number; hu: number; tilt?: number };

/** Hounsfield units. */
const hu = { air: -1000, lung: -860, fat: -90, tissue: 45, heart: 60, bone: 520, marrow: 180, table: 120, vessel: 80 };

/**
 * What a slice shows, from the inside of the coordinate system x (right) and y (down) in [-1, 1]; later ellipses lie over
 * earlier ones. `z` runs from 0 (top of the lungs) to 1 (below them), and `shift` moves the anatomy a little by patient.
 */
function anatomy(z: number, shift: number): Ellipse[] {
  const lungSize = Math.sin(Math.PI * Math.min(1, 0.12 + z * 0.95)) ** 0.6;
  const heart = Math.max(0, 1 - ((z - 0.62) / 0.32) ** 2);
  const shapes: Ellipse[] = [
    { x: 0, y: 0.78, a: 0.9, b: 0.06, hu: hu.table },
    { x: 0, y: 0.05, a: 0.8 + 0.05 * Math.sin(z * 3), b: 0.6, hu: hu.fat },
    { x: 0, y: 0.05, a: 0.74, b: 0.54, hu: hu.tissue },
    { x: -0.36 + shift, y: 0.02, a: 0.27 * lungSize, b: 0.42 * lungSize, hu: hu.lung, tilt: 0.15 },
    { x: 0.36 + shift, y: 0.02, a: 0.26 * lungSize, b: 0.41 * lungSize, hu: hu.lung, tilt: -0.15 },
    { x: 0.12 + shift, y: -0.1, a: 0.26 * heart, b: 0.22 * heart, hu: hu.heart, tilt: 0.5 },
    { x: 0.07, y: 0.3, a: 0.05, b: 0.05, hu: hu.vessel },
    { x: 0, y: 0.44, a: 0.12, b: 0.1, hu: hu.bone },
    { x: 0, y: 0.44, a: 0.09, b: 0.07, hu: hu.marrow },
    { x: 0, y: 0.32, a: 0.035, b: 0.03, hu: hu.air + 960 },
    { x: 0, y: 0.57, a: 0.03, b: 0.09, hu: hu.bone },
  ];
  for (let rib = 0; rib < 12; rib++) {
    const angle = (rib / 12) * 2 * Math.PI + z * 4;
    shapes.push({
      x: 0.69 * Math.cos(angle),
      y: 0.05 + 0.49 * Math.sin(angle),
      a: 0.05,
      b: 0.022,
      hu: hu.bone,
      tilt: angle,
    });
  }
  for (let vessel = 0; vessel < 14; vessel++) {
    const angle = vessel * 2.4 + shift * 20;
    const side = vessel % 2 === 0 ? -0.36 : 0.36;
    const radius = 0.04 + 0.018 * vessel * Math.abs(Math.sin(z * 5 + vessel)) * lungSize;
    shapes.push({
      x: side + shift + radius * Math.cos(angle),
      y: 0.02 + 1.4 * radius * Math.sin(angle),
      a: 0.012,
      b: 0.012,
      hu: hu.vessel,
    });
  }
  return shapes;
}

function fill(image: Int16Array, columns: number, rows: number, shape: Ellipse): void {
  if (shape.a <= 0 || shape.b <= 0) return;
  const cos = Math.cos(shape.tilt ?? 0);
  const sin = Math.sin(shape.tilt ?? 0);
  const reach = Math.max(shape.a, shape.b);
  const column = (x: number) => ((x + 1) / 2) * columns;
  const row = (y: number) => ((y + 1) / 2) * rows;
  const lastRow = Math.min(rows - 1, Math.ceil(row(shape.y + reach)));
  const lastColumn = Math.min(columns - 1, Math.ceil(column(shape.x + reach)));
  for (let r = Math.max(0, Math.floor(row(shape.y - reach))); r <= lastRow; r++) {
    const dy = ((r + 0.5) / rows) * 2 - 1 - shape.y;
    for (let c = Math.max(0, Math.floor(column(shape.x - reach))); c <= lastColumn; c++) {
      const dx = ((c + 0.5) / columns) * 2 - 1 - shape.x;
      const u = (dx * cos + dy * sin) / shape.a;
      const v = (dy * cos - dx * sin) / shape.b;
      if (u * u + v * v <= 1) image[r * columns + c] = shape.hu;
    }
  }
}

export type CtSlice = { columns: number; rows: number; z: number; shift: number; random: Random };

/** Stored values: Hounsfield units + 1024, 12 bits, little endian. Noise of about 15 HU. */
export function ctPixels({ columns, rows, z, shift, random }: CtSlice): Uint8Array {
  const image = new Int16Array(columns * rows).fill(hu.air);
  for (const shape of anatomy(z, shift)) fill(image, columns, rows, shape);
  const noise = noiseTable(random, 16384);
  const stored = Buffer.allocUnsafe(image.length * 2);
  let at = Math.floor(random() * noise.length);
  for (let i = 0; i < image.length; i++) {
    if (i % columns === 0) at = Math.floor(random() * noise.length);
    at = (at + 1) & 16383;
    const value = Math.max(0, Math.min(4095, Math.round((image[i] ?? 0) + 1024 + 15 * (noise[at] ?? 0))));
    stored[2 * i] = value & 0xff;
    stored[2 * i + 1] = value >>> 8;
  }
  return stored;
}
