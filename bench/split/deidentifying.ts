/** Header-only de-identification of CT slices: ours beside gdcmanon and dcmodify, in turns, one core each. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ctStudy, writeStudy } from '../../synthetic/index.ts';
import { hasProgram } from '../../test/support/programs.ts';
import { median, rotated } from '../statistics.ts';
import { writeApplication } from './applications.ts';
import { appOnCore, lastCore, type Time, timed } from './oneCore.ts';

export const programs = ['gateway', 'gdcmanon', 'dcmodify'] as const;
export type Program = (typeof programs)[number];
export type ProgramRow = {
  program: Program;
  /** Images a second of one core's time, and by the clock, in each round; undefined where it did not work. */
  perCpuSecond: Array<number | undefined>;
  perSecond: Array<number | undefined>;
};
export type Deidentifying = { rows: ProgramRow[]; instances: number; couldNotRun: Record<string, string> };

export type DeidentifyingOptions = {
  directory: string;
  slices: number;
  rounds: number;
  deadline: number;
  say(line: string): void;
};

/** What dcmodify is told: no more than the best known of what the profile asks for. */
const changes = [
  ...['PatientName=ANON', 'PatientID=ANON', 'StudyID=1'].flatMap((one) => ['-ma', one]),
  ...['PatientBirthDate', 'AccessionNumber', 'StudyDate', 'SeriesDate', 'ContentDate', 'StudyTime'],
  ...['SeriesTime', 'ContentTime', 'InstitutionName', 'ReferringPhysicianName', 'StudyDescription'],
].flatMap((one) => (one.startsWith('-') || one.includes('=') ? [one] : ['-ea', one]));

class Bench {
  readonly #options: DeidentifyingOptions;
  readonly #core: string;
  readonly #folder: string;
  readonly #copies: string;
  readonly #manifest: string;

  constructor(options: DeidentifyingOptions) {
    const { directory, slices } = options;
    this.#options = options;
    this.#core = lastCore();
    this.#folder = join(directory, 'deidentify-these');
    this.#copies = join(directory, 'deidentified');
    writeStudy(this.#folder, ctStudy({ slices, seed: 504 }));
    this.#manifest = join(writeApplication(directory, 'deidentify-instances'), 'application.yaml');
  }

  measure(program: Program): Promise<Time> {
    return { gateway: () => this.#gateway(), gdcmanon: () => this.#gdcmanon(), dcmodify: () => this.#dcmodify() }[
      program
    ]();
  }

  /** Warm, as a daemon is; the median of three. */
  async #gateway(): Promise<Time> {
    const work = join(this.#options.directory, 'deidentify-runs');
    const on = { core: this.#core, manifest: this.#manifest, folder: this.#folder, work, warmRuns: 3 };
    const { warm } = await appOnCore(on);
    return { wall: median(warm.map(({ wall }) => wall)) ?? 0, cpu: median(warm.map(({ cpu }) => cpu)) ?? 0 };
  }

  /** All files in one call, into another folder. It encrypts what it removes for a certificate, which it insists on. */
  async #gdcmanon(): Promise<Time> {
    const [key, certificate] = ['key', 'certificate'].map((name) =>
      join(this.#options.directory, `gdcmanon-${name}.pem`),
    );
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=bench', '-days', '2'];
    execFileSync('openssl', [...request, '-keyout', key ?? '', '-out', certificate ?? ''], { stdio: 'ignore' });
    this.#emptyCopies();
    const time = await timed(this.#core, 'gdcmanon -c "$1" -i "$2" -o "$3"', [
      certificate ?? '',
      this.#folder,
      this.#copies,
    ]);
    const made = readdirSync(this.#copies).length;
    if (made !== this.#options.slices) throw new Error(`it made ${made} of ${this.#options.slices} files`);
    return time;
  }

  /** All files in one call, each written anew in its place. */
  async #dcmodify(): Promise<Time> {
    this.#emptyCopies();
    cpSync(this.#folder, this.#copies, { recursive: true });
    return timed(this.#core, 'cd "$1"; shift; dcmodify -nb "$@" *', [this.#copies, ...changes]);
  }

  #emptyCopies(): void {
    rmSync(this.#copies, { recursive: true, force: true });
    mkdirSync(this.#copies);
  }
}

/** What cannot run is said in the result; nothing is thrown for it. */
export async function measureDeidentifying(options: DeidentifyingOptions): Promise<Deidentifying> {
  const { rounds, deadline, say, slices } = options;
  const result: Deidentifying = { rows: [], instances: slices, couldNotRun: {} };
  if (!hasProgram('taskset')) {
    result.couldNotRun['de-identification on one core'] = 'taskset (package util-linux) is not here';
    return result;
  }
  const bench = new Bench(options);
  for (const program of programs) {
    if (program === 'gateway' || hasProgram(program)) result.rows.push({ program, perCpuSecond: [], perSecond: [] });
    else result.couldNotRun[program] = `${program} is not here`;
  }
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && performance.now() > deadline) {
      result.couldNotRun[`de-identification, from round ${round + 1}`] = 'left out: time is up';
      break;
    }
    say(`split: de-identification of ${slices} CT slices on one core, round ${round + 1} …`);
    for (const row of rotated(result.rows, round)) {
      try {
        const { wall, cpu } = await bench.measure(row.program);
        row.perCpuSecond[round] = slices / cpu;
        row.perSecond[round] = slices / wall;
      } catch (error) {
        row.perCpuSecond[round] = row.perSecond[round] = undefined;
        const why = error instanceof Error ? error.message : String(error);
        result.couldNotRun[`${row.program}, de-identification, round ${round + 1}`] = why;
      }
    }
  }
  return result;
}
