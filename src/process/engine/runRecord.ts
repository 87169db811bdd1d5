/** The record of a run that came to results. Pure. */
import type { ResultRecord, RunFigures, RunRecord } from '../../spool/work/workTypes.ts';
import type { RunState } from './runState.ts';
import type { RunRequest } from './runTypes.ts';

type Ended = {
  results: ResultRecord[];
  cost: Pick<RunFigures, 'cpuSeconds' | 'peakMemoryBytes' | 'wallMs'>;
  finishedAt: number;
};

export function runRecord(request: RunRequest, state: RunState, { results, cost, finishedAt }: Ended): RunRecord {
  const { application, subject, inputs } = request;
  const { about } = state;
  const outcomes = new Map(state.outcomes.map((outcome) => [outcome.instance, outcome]));
  const outputStudy = about.study || subject.study;
  const { name, version, digest, steps, command } = application;
  const whole = { name: 'application', version, detail: `${name}, sha256:${digest}` };
  const dataPart = command === undefined ? [] : [{ name: 'data-part', version, detail: command.join(' ') }];
  return {
    format: 'medusa.run/1',
    ...subject,
    application: name,
    version,
    outputStudy,
    outputUnit: { study: outputStudy, series: about.series, instance: about.instance }[subject.scope] || subject.unit,
    isDeidentified: steps.some(({ step }) => step === 'deidentify'),
    steps: [whole, ...state.applied, ...dataPart],
    inputs: inputs.flatMap(({ id, sha256, size }) => {
      const outcome = outcomes.get(id);
      return outcome === undefined ? [] : [{ ...outcome, sha256, size }];
    }),
    results,
    figures: {
      bytesIn: inputs.reduce((sum, { size }) => sum + size, 0),
      bytesOut: results.reduce((sum, { size }) => sum + size, 0),
      instancesIn: inputs.length,
      instancesOut: results.filter(({ kind }) => kind === 'instance').length,
      files: results.filter(({ kind }) => kind === 'file').length,
      notSelected: state.count('not-selected'),
      quarantined: state.count('quarantined'),
      ...cost,
      promisedRatio: application.promisedRatio ?? null,
    },
    finishedAt,
  };
}
