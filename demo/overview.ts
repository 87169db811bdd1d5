/** The demo's picture: slices as they came back out of the store, and what happened over time. */
import { Canvas, type Colour, type Rectangle, textWidth } from './canvas.ts';
import { encodePng, type Raster } from './png.ts';

/** Bytes so far at one moment; `ms` since the beginning. */
export type ProgressSample = { ms: number; acknowledged: number; delivered: number };

type ProgressSeries = Exclude<keyof ProgressSample, 'ms'>;

const paper: Colour = [250, 250, 248];
const ink: Colour = [40, 44, 52];
const grid: Colour = [218, 220, 222];
const black: Colour = [0, 0, 0];
const colours: Record<ProgressSeries, Colour> = {
  acknowledged: [214, 120, 32],
  delivered: [24, 116, 160],
};
const seriesNames: ProgressSeries[] = ['acknowledged', 'delivered'];
const margin = 16;

/** 1, 2 or 5 times a power of ten, so that at most six of it reach `most`. */
function niceStep(most: number): number {
  const rough = Math.max(most, 1e-9) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
}

const label = (value: number) => String(Number(value.toPrecision(6)));

function drawAxes(canvas: Canvas, plot: Rectangle, seconds: number, megabytes: number): void {
  const { x, y, width, height } = plot;
  const stepY = niceStep(megabytes);
  for (let value = 0; value <= megabytes * 1.0001; value += stepY) {
    const at = y + height - (value / megabytes) * height;
    canvas.fill({ x, y: at, width, height: 1 }, grid);
    canvas.write(label(value), x - 8 - textWidth(label(value)), at - 5, ink);
  }
  const stepX = niceStep(seconds);
  for (let value = 0; value <= seconds * 1.0001; value += stepX) {
    const at = x + (value / seconds) * width;
    canvas.fill({ x: at, y, width: 1, height }, grid);
    canvas.write(label(value), at - textWidth(label(value)) / 2, y + height + 8, ink);
  }
  canvas.write('MB', x - 8 - textWidth('MB'), y - 22, ink);
  canvas.write('seconds', x + width - textWidth('seconds'), y + height + 24, ink);
}

/** Bytes acknowledged and delivered over time, into a rectangle of a canvas. */
export function drawProgress(canvas: Canvas, area: Rectangle, samples: readonly ProgressSample[]): void {
  const plot = { x: area.x + 72, y: area.y + 40, width: area.width - 88, height: area.height - 80 };
  const seconds = Math.max(0.001, ...samples.map((sample) => sample.ms / 1000));
  const megabytes = Math.max(0.001, ...samples.flatMap((sample) => seriesNames.map((name) => sample[name] / 1e6)));
  drawAxes(canvas, plot, seconds, megabytes);
  let legendX = plot.x;
  for (const name of seriesNames) {
    const points = samples.map((sample) => ({
      x: plot.x + (sample.ms / 1000 / seconds) * plot.width,
      y: plot.y + plot.height - (sample[name] / 1e6 / megabytes) * plot.height,
    }));
    canvas.line(points, colours[name], 3);
    canvas.fill({ x: legendX, y: area.y + 10, width: 14, height: 10 }, colours[name]);
    canvas.write(name, legendX + 20, area.y + 10, ink);
    legendX += 20 + textWidth(name) + 28;
  }
}

export type Shown = { raster: Raster; caption: string };

export type OverviewOptions = {
  title: string;
  /** Lines of text under the title, such as "48 slices verified". */
  lines: readonly string[];
  /** At most `cell` pixels high and wide each, four in a row. */
  images: readonly Shown[];
  samples: readonly ProgressSample[];
};

const columns = 4;
/** Pixels that a picture has room for, each way. */
export const cell = 256;
const gap = 4;

/** A PNG file: the images, and under them the bytes over time. */
export function drawOverview({ title, lines, images, samples }: OverviewOptions): Buffer {
  const rows = Math.ceil(images.length / columns);
  const width = 2 * margin + columns * cell + (columns - 1) * gap;
  const top = margin + 34 + 20 * lines.length;
  const sheetHeight = rows * (cell + gap);
  const canvas = new Canvas(width, top + sheetHeight + 340, paper);
  canvas.write(title, margin, margin, ink, 4);
  lines.forEach((line, index) => {
    canvas.write(line, margin, margin + 34 + 20 * index, ink, 2);
  });
  images.forEach(({ raster, caption }, index) => {
    const x = margin + (index % columns) * (cell + gap);
    const y = top + Math.floor(index / columns) * (cell + gap);
    canvas.fill({ x, y, width: cell, height: cell }, black);
    canvas.place(raster, x, y);
    canvas.write(caption, x + 6, y + 6, [230, 230, 230]);
  });
  drawProgress(canvas, { x: margin, y: top + sheetHeight + 10, width: width - 2 * margin, height: 320 }, samples);
  return encodePng(canvas.raster);
}
