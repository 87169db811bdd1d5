/** Which log lines anybody may cause who reaches a listener, admitted or not. Those are limited (base/logLimiter.ts). */
import type { Log, LogFields } from '../base/log.ts';
import { type LimitedLog, limitLog } from '../base/logLimiter.ts';

const sweepEveryMs = 10_000;

/** Nothing of an admitted association, an instance or a delivery is among them. */
export function isDoorEvent(event: string, fields: LogFields): boolean {
  if (event === 'association.aborted') return fields.admitted === false;
  return event === 'association.rejected' || event.startsWith('listener.') || event.startsWith('tls.');
}

/** The log for listeners and their associations. `stop` says what was held back to the end. */
export function openDoorLog(log: Log): { log: Log; stop(): void } {
  const limited: LimitedLog = limitLog(log, { isLimited: isDoorEvent, monotonic: () => performance.now() });
  const timer = setInterval(() => limited.sweep(), sweepEveryMs);
  timer.unref();
  return {
    log: limited.log,
    stop() {
      clearInterval(timer);
      limited.sweep(true);
    },
  };
}
