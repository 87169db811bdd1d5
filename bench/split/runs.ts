/** Applications over studies, as `app run` does it: what goes in, what would go over the uplink, and what that costs. */
import { runOnFiles } from '../../src/gateway/applications/runOnFiles.ts';
import { loadApplication, namesFor } from './applications.ts';
import { type StudyPlan, writtenStudy } from './studies.ts';

export type SplitRow = {
  study: string;
  app: string;
  /** Bytes of the study, and of all that would be delivered. */
  bytesIn: number;
  bytesOut: number;
  secondsWhole20Mbit: number;
  secondsSplit20Mbit: number;
  /** What the application takes, by the clock and of processors. */
  secondsWall: number;
  secondsCpu: number;
  /** Results in all, instances among them. */
  results: number;
};
export type SplitRuns = { rows: SplitRow[]; couldNotRun: Record<string, string> };

export type SplitOptions = {
  studies: StudyPlan[];
  directory: string;
  /** Runs that have not begun by then (performance.now()) are left out. */
  deadline: number;
  say(line: string): void;
};

type Run = { study: StudyPlan; app: string };

/** The first application over every study, then the second, ...: when time is short, some of everything was measured. */
function inOrder(studies: readonly StudyPlan[]): Run[] {
  const named = studies.map((study) => ({ study, names: namesFor(study.kind) }));
  const most = Math.max(0, ...named.map(({ names }) => names.length));
  const at = (index: number) =>
    named.flatMap(({ study, names }) => (names[index] === undefined ? [] : [{ study, app: names[index] }]));
  return Array.from({ length: most }, (_, index) => at(index)).flat();
}

/** What does not finish, or loses an instance on its way, is no measurement: it is said why. */
export async function measureRuns({ studies, directory, deadline, say }: SplitOptions): Promise<SplitRuns> {
  const couldNotRun: Record<string, string> = {};
  const rows: SplitRow[] = [];
  for (const { study, app } of inOrder(studies)) {
    const name = `${app} over ${study.title}`;
    if (performance.now() > deadline) {
      couldNotRun[name] = 'left out: time is up';
      continue;
    }
    say(`split: ${name} …`);
    try {
      rows.push(await runOne(study.title, app, writtenStudy(directory, study), directory));
    } catch (error) {
      couldNotRun[name] = error instanceof Error ? error.message : String(error);
    }
  }
  const titles = studies.map(({ title }) => title);
  rows.sort((a, b) => titles.indexOf(a.study) - titles.indexOf(b.study));
  return { rows, couldNotRun };
}

async function runOne(study: string, app: string, folder: string, directory: string): Promise<SplitRow> {
  const application = loadApplication(directory, app);
  const { units, totals } = await runOnFiles({
    ...{ application, paths: [folder], hidden: [] },
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  for (const { ending, code = '', message = '', inputs } of units) {
    if (ending !== 'finished') throw new Error(`${ending}: ${code} ${message}`);
    const lost = inputs.find(({ outcome }) => outcome !== 'used');
    if (lost) throw new Error(`an instance was ${lost.outcome}: ${lost.code ?? ''} ${lost.reason ?? ''}`);
  }
  const { bytesIn, bytesOut, secondsWhole20Mbit, secondsSplit20Mbit, wallMs, cpuSeconds } = totals;
  return {
    ...{ study, app, bytesIn, bytesOut, secondsWhole20Mbit, secondsSplit20Mbit },
    secondsWall: wallMs / 1000,
    secondsCpu: cpuSeconds,
    results: units.reduce((sum, { results }) => sum + results.length, 0),
  };
}
