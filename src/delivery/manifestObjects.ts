/** What a manifest says of instances, of results, and of the runs that made them. Pure. */
import type { InstanceRecord } from '../spool/index/instanceIndex.ts';
import type { DeliveredResult, RunHeader } from '../spool/work/resultQueue.ts';
import type { ResultRecord } from '../spool/work/workTypes.ts';
import { instanceObjectKey } from './jobs.ts';
import type { ManifestApplication, ManifestObject } from './manifest.ts';
import { type KeySpace, usableUid } from './objectKeys.ts';

export const instanceObject = (space: KeySpace, instance: InstanceRecord): ManifestObject => ({
  key: instanceObjectKey(space, instance),
  sha256: instance.sha256,
  size: instance.size,
  sopInstanceUid: instance.sopInstanceUid,
  version: instance.version,
  series: instance.seriesInstanceUid ?? '',
  sopClass: instance.sopClassUid,
  transferSyntax: instance.transferSyntaxUid,
  flags: instance.flags,
});

/** `run` is undefined when only the receipt is left of a result. */
export const resultObject = (
  key: string,
  result: ResultRecord,
  run: RunHeader | undefined,
  version: number,
): ManifestObject => ({
  key,
  sha256: result.sha256,
  size: result.size,
  sopInstanceUid: result.sopInstanceUid ?? '',
  version,
  series: result.seriesInstanceUid ?? '',
  sopClass: result.sopClassUid ?? '',
  transferSyntax: result.transferSyntaxUid ?? '',
  flags: [],
  ...(run === undefined ? {} : { result: { ...runNames(run), from: result.from.length } }),
});

const runNames = ({ application, version, revision, outputUnit }: RunHeader) => ({
  application,
  version,
  revision,
  unit: usableUid(outputUnit) ?? '',
});

export function applicationOf(run: RunHeader): ManifestApplication {
  const { application: name, ...names } = runNames(run);
  const { figures } = run;
  const ratio = figures.bytesIn === 0 ? 0 : figures.bytesOut / figures.bytesIn;
  const promised = figures.promisedRatio;
  return {
    name,
    ...names,
    scope: run.scope,
    bytesIn: figures.bytesIn,
    bytesOut: figures.bytesOut,
    ratio: decimal(ratio),
    ...(promised === null ? {} : { promised: decimal(promised), reached: ratio <= promised }),
    cpuSeconds: decimal(figures.cpuSeconds),
    peakMemoryBytes: Math.round(figures.peakMemoryBytes),
    wallMs: Math.round(figures.wallMs),
    instancesIn: figures.instancesIn,
    instancesOut: figures.instancesOut,
    files: figures.files,
    notSelected: figures.notSelected,
    quarantined: figures.quarantined,
    steps: run.steps,
  };
}

/** The runs that made `results`, each once, in the order in which they ended. */
export function applicationsOf(results: readonly DeliveredResult[]): ManifestApplication[] {
  const runs = new Map<string, RunHeader>();
  for (const { run } of results) {
    if (run !== undefined) runs.set(JSON.stringify([run.route, runNames(run)]), run);
  }
  return [...runs.values()].sort((a, b) => a.finishedAt - b.finishedAt).map(applicationOf);
}

/** At most six places after the point, and no exponent. */
const decimal = (value: number) => value.toFixed(6).replace(/\.?0+$/, '');
