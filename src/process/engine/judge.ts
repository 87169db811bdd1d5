/** Whether a run may go on, after its steps and after the gate: what its unit must be like. Pure. */
import type { Application } from '../application.ts';
import { failed, type RunState, RunStop } from './runState.ts';
import type { RunInput } from './runTypes.ts';

/** Throws RunStop when the run ends here. */
export function judge(state: RunState, { select, termination }: Application): void {
  const used = state.count('used');
  const quarantined = state.count('quarantined');
  const first = state.outcomes.find(({ outcome }) => outcome === 'quarantined');
  const why = first === undefined ? '' : `, the first: ${first.code}, ${first.reason}`;
  if (quarantined > 0 && termination.onInstanceFailure === 'quarantine') {
    throw failed(
      'application.instance-failed',
      `${quarantined} instances cannot be processed${why}`,
      'the application asks for all or none (termination.onInstanceFailure); mend the cause, then `app retry`',
    );
  }
  const least = Math.max(1, select.minInstances ?? 1);
  if (used < least && used + quarantined >= least) {
    throw failed(
      'application.too-few-left',
      `only ${used} of at least ${least} instances are left: ${quarantined} cannot be processed${why}`,
      'mend the cause, then try the task again; nothing of it was delivered',
    );
  }
  if (used < least) throw skip(`${used} instances were selected, fewer than ${least}`);
  if (select.maxInstances !== undefined && used > select.maxInstances) {
    throw skip(`${used} instances were selected, more than ${select.maxInstances}`);
  }
}

const skip = (reason: string) => new RunStop({ kind: 'skipped', reason });

/**
 * Two results under one key would be one. Of an instance that came with other bytes again, the newest version is used; of two
 * of which that is not known the later goes into quarantine, as does what is of another study.
 */
export function keepApart(state: RunState): void {
  const kept = new Map<string, RunInput>();
  const { study } = state.about;
  for (const input of state.inputs) {
    const about = state.passed.get(input.id)?.about;
    if (about === undefined) continue;
    if (about.study !== study) {
      state.quarantine(input, 'instance.other-study', 'it names another study than the rest of its unit');
      continue;
    }
    if (about.instance === '') continue;
    const other = kept.get(about.instance);
    if (other === undefined) kept.set(about.instance, input);
    else if (input.version === undefined || other.version === undefined || input.version === other.version) {
      state.quarantine(input, 'instance.same-uid', 'another instance of the unit has the same SOP Instance UID');
    } else kept.set(about.instance, input.version > other.version ? input : other);
  }
  for (const input of state.inputs) {
    const newest = kept.get(state.passed.get(input.id)?.about.instance ?? '');
    if (newest !== undefined && newest.id !== input.id)
      state.leaveOut(input, `superseded by version ${newest.version}`);
  }
}
