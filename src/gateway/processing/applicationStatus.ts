/** What the status tells of split applications: those that routes name, and all that have ever had something to do. */
import type { RunFigures } from '../../spool/work/workTypes.ts';
import type { ApplicationStatus } from '../../web/status.ts';
import type { StatusParts } from '../statusSource.ts';

const noTasks = (): ApplicationStatus['tasks'] => ({
  ...{ gathering: 0, due: 0, running: 0, finished: 0, skipped: 0, quarantined: 0 },
});

const nothing = {
  ...{ runs: 0, bytesIn: 0, bytesOut: 0, instancesIn: 0, instancesOut: 0, files: 0, notSelected: 0, quarantined: 0 },
  ...{ cpuSeconds: 0, peakMemoryBytes: 0, wallMs: 0, promisedRatio: null },
};

export function applicationStatuses(parts: Pick<StatusParts, 'config' | 'spool' | 'processing'>): ApplicationStatus[] {
  const { config, spool, processing } = parts;
  const { engine, applications } = processing;
  const totals = spool.tasks.totals(recentRuns);
  const tasks = new Map<string, ApplicationStatus['tasks']>();
  const tasksOf = ({ application, version }: { application: string; version: string }) => {
    const key = `${application}@${version}`;
    const known = tasks.get(key) ?? noTasks();
    tasks.set(key, known);
    return known;
  };
  for (const { application } of config.routes) {
    const named = application === undefined ? undefined : applications.find(application);
    if (named !== undefined) tasksOf({ application: named.name, version: named.version });
  }
  for (const count of spool.tasks.counts()) tasksOf(count)[count.state] = count.n;
  for (const total of totals.applications) tasksOf(total);
  for (const task of engine.running) tasksOf(task).running += 1;
  const isOf = (key: string) => (one: { application: string; version: string }) =>
    `${one.application}@${one.version}` === key;
  return [...tasks]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, counts]) => {
      const [application = '', version = ''] = key.split('@');
      const { promisedRatio, ...sums } = totals.applications.find(isOf(key)) ?? nothing;
      const promised = applications.find(key)?.promisedRatio ?? promisedRatio;
      const last = totals.recent.find(isOf(key));
      const lastFailure = engine.lastFailure(application);
      const waitsFor = engine.absences.find((one) => one.application === application);
      return {
        ...sums,
        ...{ application, version, tasks: counts },
        ...(sums.bytesIn > 0 && { ratio: sums.bytesOut / sums.bytesIn }),
        ...(typeof promised === 'number' && { promisedRatio: promised }),
        ...(last && { lastRun: { study: last.study, finishedAt: last.finishedAt, ...ofRun(last.figures) } }),
        ...(lastFailure && { lastFailure: withoutName(lastFailure) }),
        ...(waitsFor && { waitsFor: withoutName(waitsFor) }),
      };
    });
}

const recentRuns = 50;

/** undefined where nothing was promised, or nothing came in. */
export function promiseKept({ bytesIn, bytesOut, promisedRatio }: RunFigures): boolean | undefined {
  return promisedRatio === null || bytesIn === 0 ? undefined : bytesOut <= bytesIn * promisedRatio;
}

function ofRun(figures: RunFigures) {
  const kept = promiseKept(figures);
  const { bytesIn, bytesOut } = figures;
  return { bytesIn, bytesOut, ...(kept !== undefined && { promiseKept: kept }) };
}

function withoutName<One extends { application: string }>({ application: _, ...rest }: One): Omit<One, 'application'> {
  return rest;
}
