/** From measurements to tables and to the fixed keys of the bench's last line. Pure. */
import { median, pairedRatio, rounded } from '../statistics.ts';
import { figure, formatTable } from '../table.ts';
import type { CodecImageRow } from './codecImages.ts';
import type { Deidentifying, Program, ProgramRow } from './deidentifying.ts';
import type { Beside, BesideRound, Sent } from './receptionBeside.ts';
import type { SplitRow } from './runs.ts';

export type SplitMeasured = { rows: SplitRow[]; deidentifying: Deidentifying; codecs: CodecImageRow[]; beside: Beside };

const present = (values: ReadonlyArray<number | undefined>) => values.filter((value) => value !== undefined);
const middle = (values: ReadonlyArray<number | undefined>) => median(present(values));
const reduction = ({ bytesIn, bytesOut }: SplitRow) => (bytesOut === 0 ? Number.NaN : bytesIn / bytesOut);

export function savingTable(rows: readonly SplitRow[]): string {
  const cells = rows.map((row) => [
    `${row.study}: ${row.app}`,
    figure(row.bytesIn / 1e6),
    figure(row.bytesOut / 1e6),
    figure(reduction(row)),
    figure(row.secondsWhole20Mbit),
    figure(row.secondsSplit20Mbit),
    figure(row.secondsWall),
    figure(row.secondsCpu),
  ]);
  const head = ['study: application', 'MB in', 'MB out', 'in/out', '20 Mbit/s whole, s', 'split, s', 'processing, s'];
  return formatTable([...head, 'of processor, s'], cells);
}

const ratesOf = (rows: readonly ProgramRow[], program: Program) =>
  rows.find((row) => row.program === program)?.perCpuSecond ?? [];

export function deidentifyingTable({ rows, instances }: Deidentifying): string {
  const own = ratesOf(rows, 'gateway');
  const cells = rows.map(({ program, perCpuSecond, perSecond }) => [
    program,
    figure(middle(perCpuSecond)),
    figure(middle(perSecond)),
    figure(pairedRatio(own, perCpuSecond)),
  ]);
  const title = `de-identified, ${instances} CT slices`;
  return formatTable([title, "images/s of one core's time", 'by the clock', 'gateway/this'], cells);
}

/** Speed of a codec by that of dcmcjpls on the same image. */
function versusDcmcjpls(codecs: readonly CodecImageRow[], codec: CodecImageRow['codec'], image: string) {
  const speed = (name: CodecImageRow['codec']) =>
    codecs.find((row) => row.codec === name && row.image === image)?.megabytesPerSecond;
  return pairedRatio([speed(codec)], [speed('dcmcjpls')]);
}

export function codecTable(codecs: readonly CodecImageRow[]): string {
  const cells = codecs.map(({ codec, image, ratio, imagesPerSecond, megabytesPerSecond }) => [
    `${image}: ${codec}`,
    figure(ratio),
    figure(imagesPerSecond),
    figure(megabytesPerSecond),
    figure(versusDcmcjpls(codecs, codec, image)),
  ]);
  return formatTable(['lossless', 'in/out', "frames/s of one core's time", 'MB/s', 'speed/dcmcjpls'], cells);
}

const ofRounds = ({ rounds }: Beside, when: 'alone' | 'beside', key: keyof Sent) =>
  rounds.map((round: BesideRound) => round[when][key]);
/** Percent by which `key` is worse beside processing; below zero: better. */
function worse(beside: Beside, key: keyof Sent, higherIsBetter: boolean): number | undefined {
  const ratio = pairedRatio(ofRounds(beside, 'beside', key), ofRounds(beside, 'alone', key));
  return ratio === undefined ? undefined : 100 * (higherIsBetter ? 1 - ratio : ratio - 1);
}

export function besideTable(beside: Beside): string {
  const cells = (['alone', 'beside'] as const).map((when) => [
    when === 'alone' ? 'nothing in the background' : 'de-identifying in the background',
    figure(middle(ofRounds(beside, when, 'perSecond'))),
    figure(middle(ofRounds(beside, when, 'ackP50Ms'))),
    figure(middle(ofRounds(beside, when, 'ackP99Ms'))),
  ]);
  const title = `reception, CT over TLS, 4 associations, ${beside.rounds.length} rounds`;
  return formatTable([title, 'inst/s', 'ack p50 ms', 'p99 ms'], cells);
}

/** The fixed keys (DESIGN section 10) and what else was measured; null: it was not. */
export function splitSummary({ rows, deidentifying, codecs, beside }: SplitMeasured): Record<string, unknown> {
  const own = ratesOf(deidentifying.rows, 'gateway');
  return {
    split: rows.map((row) => ({
      ...{ study: row.study, app: row.app, bytesIn: row.bytesIn, bytesOut: row.bytesOut },
      reduction: rounded(reduction(row)),
      secondsWhole20Mbit: rounded(row.secondsWhole20Mbit),
      secondsSplit20Mbit: rounded(row.secondsSplit20Mbit),
      secondsWall: rounded(row.secondsWall),
      secondsCpu: rounded(row.secondsCpu),
      results: row.results,
    })),
    deidentifyPerSecondPerCore: rounded(middle(own)),
    deidentifyVsGdcmanon: rounded(pairedRatio(own, ratesOf(deidentifying.rows, 'gdcmanon'))),
    deidentifyVsDcmodify: rounded(pairedRatio(own, ratesOf(deidentifying.rows, 'dcmodify'))),
    codecs: codecs.map((row) => ({
      ...{ codec: row.codec, image: row.image, ratio: rounded(row.ratio) },
      imagesPerSecond: rounded(row.imagesPerSecond),
      megabytesPerSecond: rounded(row.megabytesPerSecond),
      versusDcmcjpls: rounded(versusDcmcjpls(codecs, row.codec, row.image)),
    })),
    /** Of the median time from the last byte sent to the answer, and of images a second. */
    ackSlowdownPercent: rounded(worse(beside, 'ackP50Ms', false)),
    ackP99SlowdownPercent: rounded(worse(beside, 'ackP99Ms', false)),
    receptionSlowdownPercent: rounded(worse(beside, 'perSecond', true)),
    backgroundBusyToTheEnd: beside.rounds.length === 0 ? null : beside.rounds.every((round) => round.busyToTheEnd),
  };
}
