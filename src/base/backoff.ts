/**
 * Exponential backoff with a cap and full jitter, as a value: the caller sleeps, so it stays cancellable and testable.
 * Jitter keeps hundreds of sites from knocking on a recovering store in step.
 */
export type BackoffPolicy = { initialMs: number; capMs: number; factor?: number };

/** Delay in milliseconds before attempt number `attempt` (1 is the first retry); between half of the step and the step. */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: () => number = Math.random): number {
  const step = Math.min(policy.capMs, policy.initialMs * (policy.factor ?? 2) ** Math.max(0, attempt - 1));
  return Math.round(step / 2 + (step / 2) * random());
}
