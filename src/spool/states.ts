/** The life of an instance and of a delivery, as tables. Each transition is one transaction in the index. */

import type { TaskState } from './work/workTypes.ts';

export type InstanceState = 'received' | 'ready' | 'delivered' | 'quarantined' | 'pruned';

/**
 * received: durable, no route has claimed it. ready: each store that a route names has a delivery, each application that one
 * names has it in a task. delivered: every delivery is confirmed, and every task is over, with all that it made delivered.
 * quarantined: at least one delivery or task failed for good. pruned: its bytes are reclaimed.
 */
export const instanceTransitions: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  received: ['ready', 'quarantined'],
  ready: ['delivered', 'quarantined'],
  quarantined: ['ready', 'delivered', 'received'],
  // ready: sent again by an operator, or something came late for its task.
  delivered: ['ready', 'quarantined', 'pruned'],
  // ready: sent again, and no store has anything of it, for no application wanted it.
  pruned: ['ready'],
};

export type DeliveryState = 'ready' | 'delivered' | 'quarantined';

/** ready holds everything that is yet to be tried, or tried again at its time; what the courier holds is still ready. */
export const deliveryTransitions: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = {
  ready: ['ready', 'delivered', 'quarantined'],
  quarantined: ['ready', 'delivered'],
  // By an operator, when the store has lost it: a second receipt then says so.
  delivered: ['ready'],
};

/**
 * gathering: instances still come. due: to be run, or run again. finished: its results are recorded, with their deliveries.
 * skipped: nothing goes anywhere. quarantined: failed for good. A new arrival takes a due task back to gathering; what is
 * over stays so, and what comes later makes the next revision.
 */
export const taskTransitions: Readonly<Record<TaskState, readonly TaskState[]>> = {
  gathering: ['due', 'finished', 'skipped', 'quarantined'],
  due: ['gathering', 'due', 'finished', 'skipped', 'quarantined'],
  // skipped: a later revision has taken its place.
  quarantined: ['due', 'skipped'],
  finished: [],
  skipped: [],
};

/** Only bytes that every store has confirmed may be reclaimed (invariant 3: undelivered data are never recycled). */
export const reclaimable: ReadonlySet<InstanceState> = new Set(['delivered', 'pruned']);
