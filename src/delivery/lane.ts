/** One store's side of the dispatcher: what is out, whether it works, and what it tells of itself. */
import type { BackoffPolicy } from '../base/backoff.ts';
import type { Delivery } from '../spool/index/deliveryQueue.ts';
import type { JobFailure } from './courierProtocol.ts';
import type { KeySpace } from './objectKeys.ts';
import type { ReceiptOrigin } from './receipt.ts';
import { StoreGate } from './storeGate.ts';

export type Lane = {
  name: string;
  keySpace: KeySpace;
  gate: StoreGate;
  inFlight: Set<number>;
  /** When a delivery was last given out (monotonic milliseconds). */
  givenAt: number;
  lastFailure: (JobFailure & { at: number }) | undefined;
  nextAttemptAt: number | undefined;
  deliveredBytes: number;
};

/**
 * A delivery in the courier's hands. Its bytes stay where they are until it is let go. `origin` goes into its receipt;
 * undefined when it needs none.
 */
export type Held = { delivery: Delivery; origin: ReceiptOrigin | undefined; release(): void };

export type LaneStatus = {
  name: string;
  state: 'ok' | 'waiting';
  inFlight: number;
  lastFailure: (JobFailure & { at: number }) | undefined;
  nextAttemptAt: number | undefined;
  /** Since the start. */
  deliveredBytes: number;
};

export function createLane({ name, keySpace }: { name: string; keySpace: KeySpace }, retry: BackoffPolicy): Lane {
  return {
    name,
    keySpace,
    gate: new StoreGate(retry),
    inFlight: new Set<number>(),
    givenAt: 0,
    lastFailure: undefined,
    nextAttemptAt: undefined,
    deliveredBytes: 0,
  };
}

export function laneStatus({ name, gate, inFlight, lastFailure, nextAttemptAt, deliveredBytes }: Lane): LaneStatus {
  const state = gate.state.name === 'open' ? 'ok' : 'waiting';
  return { name, state, inFlight: inFlight.size, lastFailure, nextAttemptAt, deliveredBytes };
}
