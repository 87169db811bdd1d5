/** A task as a row of the index. */
import type { Task } from './workTypes.ts';

/** Columns of table `task` as the properties of `Task`. */
export const taskColumns = `id, route, application, version, scope, unit, study, store, revision, state, priority,
  due_at AS dueAt, attempts, instances, bytes, error_code AS errorCode, error_message AS errorMessage,
  failed_at AS failedAt, finished_at AS finishedAt`;

/** What a task and its revisions are of. */
export type UnitKey = Pick<Task, 'route' | 'application' | 'version' | 'scope' | 'unit'>;

const unitColumns = ['route', 'application', 'version', 'scope', 'unit'] as const;

/** SQL: `table` (a name or an alias) is of the unit whose `unitValues` are bound. */
export const unitIsOf = (table: string) => unitColumns.map((column) => `${table}.${column} = ?`).join(' AND ');
export const unitValues = (unit: UnitKey) => unitColumns.map((column) => unit[column]);
/** SQL: two rows of table `task` are of one unit. */
export const sameUnit = (a: string, b: string) =>
  unitColumns.map((column) => `${a}.${column} = ${b}.${column}`).join(' AND ');

/**
 * SQL: `table` is of the same application over the same unit for the same store, as another version of it or under another
 * name of the route. Named values: those of `kinValues`.
 */
export const isKinOf = (table: string) => `${table}.study = @study AND ${table}.store = @store
  AND ${table}.application = @application AND ${table}.scope = @scope AND ${table}.unit = @unit`;
