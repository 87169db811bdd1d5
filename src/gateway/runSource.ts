/** Answers the local API about tasks of split applications from the spool. */
import type { ApplicationCatalogue } from '../process/manifest/catalogue.ts';
import { priorities } from '../spool/index/deliveryQueue.ts';
import type { Spool } from '../spool/spool.ts';
import type { WantedVersion } from '../spool/work/taskQueue.ts';
import type { Task } from '../spool/work/workTypes.ts';
import type { RunEntry, RunPage, RunQuery, RunState } from '../web/status.ts';
import type { Configuration } from './config/configuration.ts';

type Source = Pick<Spool, 'tasks'>;

/** What an operator has to know of without asking. */
const unsettled: readonly RunState[] = ['gathering', 'due', 'quarantined'];

function entryOf(task: Task): RunEntry {
  const { id, route, application, version, scope, unit, study, store, revision, state } = task;
  const { instances, bytes, attempts, dueAt, finishedAt, failedAt, errorCode: code, errorMessage: message } = task;
  const isOpen = state === 'gathering' || state === 'due';
  const at = failedAt === null ? {} : { at: failedAt };
  return {
    ...{ id, route, application, version, scope, unit, study, store, revision, state, instances, bytes, attempts },
    priority: task.priority === priorities.urgent ? 'urgent' : 'normal',
    ...(isOpen && { dueAt }),
    ...(finishedAt !== null && { finishedAt }),
    ...(code !== null && { lastError: { code, message: message ?? '', ...at } }),
  };
}

export function runPage(
  { tasks }: Source,
  { states = [...unsettled], application, after = -1, limit }: RunQuery,
): RunPage {
  const found = tasks.page({ states, after, limit: limit + 1, application });
  const entries = found.slice(0, limit).map(entryOf);
  const last = entries.at(-1);
  return found.length > limit && last !== undefined ? { entries, next: last.id } : { entries };
}

export function runEntry({ tasks }: Source, id: number): RunEntry | undefined {
  const task = tasks.get(id);
  if (task === undefined) return undefined;
  const uids = new Map(tasks.inputs(id).map(({ seq, sopInstanceUid }) => [seq, sopInstanceUid]));
  const inputs = tasks.outcomes(id).map(({ instance, ...rest }) => ({ instance: uids.get(instance) ?? '', ...rest }));
  const figures = tasks.figures(id);
  return { ...entryOf(task), ...(figures && { figures }), ...(inputs.length > 0 && { inputs }) };
}

/** What a task's route means now: the version with which it is tried again. A version of another scope is of other units. */
export function wantedVersion(
  routes: Configuration['routes'],
  { find }: Pick<ApplicationCatalogue, 'find'>,
): WantedVersion {
  return (task) => {
    const reference = routes.find(({ name }) => name === task.route)?.application;
    const now = reference === undefined ? undefined : find(reference);
    return now?.name === task.application && now.scope === task.scope ? now.version : undefined;
  };
}
