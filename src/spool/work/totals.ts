/** What split applications cost and saved, summed and run by run: for status and metrics. */
import type Database from 'better-sqlite3';
import type { RunHeader } from './resultQueue.ts';
import type { RunFigures, RunRecord } from './workTypes.ts';

/** Sums over all runs of one version of an application; the peak of memory is the highest, the promise the last. */
export type ApplicationTotal = RunFigures & { application: string; version: string; runs: number };

export type RecentRun = {
  task: number;
  route: string;
  application: string;
  version: string;
  /** As received, and as delivered. */
  study: string;
  outputStudy: string;
  revision: number;
  finishedAt: number;
  figures: RunFigures;
};

export type WorkTotals = { applications: ApplicationTotal[]; recent: RecentRun[] };

export class Totals {
  readonly #statements;

  constructor(db: Database.Database) {
    this.#statements = {
      add: db.prepare(`INSERT INTO work_total VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (application, version) DO UPDATE SET runs = runs + 1, bytes_in = bytes_in + excluded.bytes_in,
        bytes_out = bytes_out + excluded.bytes_out, instances_in = instances_in + excluded.instances_in,
        instances_out = instances_out + excluded.instances_out, files = files + excluded.files,
        not_selected = not_selected + excluded.not_selected, quarantined = quarantined + excluded.quarantined,
        cpu_seconds = cpu_seconds + excluded.cpu_seconds, peak_memory = max(peak_memory, excluded.peak_memory),
        wall_ms = wall_ms + excluded.wall_ms, promised = excluded.promised`),
      all: db.prepare(`SELECT application, version, runs, bytes_in AS bytesIn, bytes_out AS bytesOut,
        instances_in AS instancesIn, instances_out AS instancesOut, files, not_selected AS notSelected, quarantined,
        cpu_seconds AS cpuSeconds, peak_memory AS peakMemoryBytes, wall_ms AS wallMs, promised AS promisedRatio
        FROM work_total ORDER BY application, version`),
      recent: db.prepare(`SELECT id AS task, header FROM task WHERE state = 'finished' AND header IS NOT NULL
        ORDER BY finished_at DESC LIMIT ?`),
      header: db.prepare("SELECT header FROM task WHERE id = ? AND state = 'finished'").pluck(),
    };
  }

  /** Belongs into the transaction that finishes the task. */
  add({ application, version, figures: f }: RunRecord): void {
    const counts = [f.instancesIn, f.instancesOut, f.files, f.notSelected, f.quarantined];
    // Columns of whole numbers stay so, whatever is handed in.
    const whole = [f.bytesIn, f.bytesOut, ...counts].map(Math.round);
    const cost = [f.cpuSeconds, Math.round(f.peakMemoryBytes), Math.round(f.wallMs), f.promisedRatio];
    this.#statements.add.run(application, version, ...whole, ...cost);
  }

  /** Of one finished task; undefined for any other, and where only receipts are left of its run. */
  ofTask(id: number): RunFigures | undefined {
    const header = this.#statements.header.get(id) as string | null | undefined;
    return typeof header === 'string' ? (JSON.parse(header) as RunHeader).figures : undefined;
  }

  /** `recent`: so many of the last runs, the newest first. */
  read(recent: number): WorkTotals {
    const rows = this.#statements.recent.all(recent) as Array<{ task: number; header: string }>;
    return {
      applications: this.#statements.all.all() as ApplicationTotal[],
      recent: rows.map(({ task, header }) => {
        const { route, application, version, study, outputStudy, revision, finishedAt, figures } = JSON.parse(
          header,
        ) as RunHeader;
        return { task, route, application, version, study, outputStudy, revision, finishedAt, figures };
      }),
    };
  }
}
