/** The name of a run's directory: it says which task it is of, also to an index that has lost all. */
import { createHash } from 'node:crypto';
import type { Task } from './workTypes.ts';

export type RunIdentity = Pick<Task, 'route' | 'application' | 'version' | 'scope' | 'unit' | 'revision'>;

export function runName({ route, application, version, scope, unit, revision }: RunIdentity): string {
  const identity = JSON.stringify([route, application, version, scope, unit, revision]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 40);
}
