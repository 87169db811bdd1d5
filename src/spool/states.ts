/** The life of an instance and of a delivery, as tables. Each transition is one transaction in the index. */

export type InstanceState = 'received' | 'ready' | 'delivered' | 'quarantined' | 'pruned';

/**
 * received: durable, no route has claimed it. ready: each store that a route names has a delivery. delivered: every
 * delivery is confirmed. quarantined: at least one delivery failed for good. pruned: its bytes are reclaimed.
 */
export const instanceTransitions: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  received: ['ready', 'quarantined'],
  ready: ['delivered', 'quarantined'],
  quarantined: ['ready', 'delivered'],
  delivered: ['ready', 'pruned'],
  pruned: [],
};

export type DeliveryState = 'ready' | 'delivered' | 'quarantined';

/** ready holds everything that is yet to be tried, or tried again at its time; what the courier holds is still ready. */
export const deliveryTransitions: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = {
  ready: ['ready', 'delivered', 'quarantined'],
  quarantined: ['ready', 'delivered'],
  // By an operator, when the store has lost it: a second receipt then says so.
  delivered: ['ready'],
};

/** Only bytes that every store has confirmed may be reclaimed (invariant 3: undelivered data are never recycled). */
export const reclaimable: ReadonlySet<InstanceState> = new Set(['delivered', 'pruned']);
