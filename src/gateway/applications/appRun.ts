/** What `app run` is asked and what it answers: an application over files, for its author, without a gateway. */
import type { Application } from '../../process/application.ts';
import type { InputOutcome } from '../../spool/work/workTypes.ts';

export type AppRunRequest = {
  application: Application;
  /** DICOM files, or folders that are searched for them. */
  paths: readonly string[];
  /** An empty or new folder for what is made; left out: it is looked at and removed. */
  out?: string;
  /** Of clamd, for step `scan`: path of its socket. */
  scannerSocket?: string;
  /** Folders that no application may see. */
  hidden: readonly string[];
  /** Told of each unit before it begins. */
  onProgress(text: string): void;
  signal: AbortSignal;
};

export type AppInput = { file: string; sopInstanceUid: string } & Pick<InputOutcome, 'code' | 'reason'> & {
    outcome: InputOutcome['outcome'] | 'unknown';
  };

export type AppResult = { kind: 'instance' | 'file'; path: string; contentType: string; size: number };

export type UnitFigures = {
  bytesIn: number;
  bytesOut: number;
  cpuSeconds: number;
  peakMemoryBytes: number;
  wallMs: number;
};

export type AppUnit = {
  /** UID of the study, series or instance, as it is in the files. */
  unit: string;
  ending: 'finished' | 'skipped' | 'failed' | 'unavailable' | 'cancelled';
  /** Why it is not finished. */
  code?: string;
  message?: string;
  hint?: string;
  inputs: AppInput[];
  results: AppResult[];
  figures?: UnitFigures;
  /** The last lines that a foreign data part wrote to its standard error. */
  said?: string;
};

export type AppRunReport = {
  application: string;
  version: string;
  digest: string;
  units: AppUnit[];
  /** Files that are no DICOM objects. */
  passedOver: Array<{ file: string; reason: string }>;
  out?: string;
  totals: AppRunTotals;
};

export type AppRunTotals = UnitFigures & {
  /** bytesOut / bytesIn of what finished; null when nothing did. */
  ratio: number | null;
  promisedRatio: number | null;
  /** Whether the promise was kept; null when nothing was promised, or nothing finished. */
  kept: boolean | null;
  /** Seconds on an uplink of 20 Mbit/s: everything as it is, and what was made of it. */
  secondsWhole20Mbit: number;
  secondsSplit20Mbit: number;
};

const uplinkBytesPerSecond = 20e6 / 8;

/** Pure. Units that did not finish count neither way: nothing of them would be delivered. */
export function totalsOf(units: readonly AppUnit[], promised: number | undefined): AppRunTotals {
  const figures = units.flatMap((unit) => (unit.ending === 'finished' && unit.figures ? [unit.figures] : []));
  const sum = (pick: (one: UnitFigures) => number) => figures.reduce((total, one) => total + pick(one), 0);
  const bytesIn = sum((one) => one.bytesIn);
  const bytesOut = sum((one) => one.bytesOut);
  const ratio = bytesIn === 0 ? null : bytesOut / bytesIn;
  return {
    bytesIn,
    bytesOut,
    cpuSeconds: sum((one) => one.cpuSeconds),
    peakMemoryBytes: Math.max(0, ...figures.map((one) => one.peakMemoryBytes)),
    wallMs: sum((one) => one.wallMs),
    ratio,
    promisedRatio: promised ?? null,
    kept: ratio === null || promised === undefined ? null : ratio < promised,
    secondsWhole20Mbit: bytesIn / uplinkBytesPerSecond,
    secondsSplit20Mbit: bytesOut / uplinkBytesPerSecond,
  };
}

/** Nothing went wrong: every unit was finished or not wanted, no instance was quarantined, the promise was kept. Pure. */
export function isSound({ units, totals }: AppRunReport): boolean {
  const fine = units.every(({ ending, inputs }) => {
    if (ending !== 'finished' && ending !== 'skipped') return false;
    return inputs.every(({ outcome }) => outcome !== 'quarantined');
  });
  return fine && units.length > 0 && totals.kept !== false;
}
