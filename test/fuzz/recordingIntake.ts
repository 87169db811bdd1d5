/**
 * An intake whose instances become durable when the script says so, and which watches how it is used: every sink is written
 * to, then finished or discarded, once, and nothing is done to it after that.
 */
import type { IncomingInstance, InstanceHeader, Intake, IntakeOutcome } from '../../src/dicom/services/storage.ts';
import { hold } from './target.ts';

type Sink = {
  header: InstanceHeader;
  data: Buffer[];
  state: 'open' | 'finishing' | 'durable' | 'refused' | 'discarded';
};

export class RecordingIntake implements Intake {
  readonly sinks: Sink[] = [];
  refuses = false;
  breaks = false;
  full = false;
  readonly #finishing: Array<{ sink: Sink; settle(outcome: IntakeOutcome | Error): void }> = [];
  #draining: Array<() => void> = [];

  begin(header: InstanceHeader): IncomingInstance | { refused: string } {
    if (this.refuses) return { refused: 'the fuzzer says so' };
    const sink: Sink = { header, data: [], state: 'open' };
    this.sinks.push(sink);
    return {
      write: (bytes) => {
        hold(sink.state === 'open', 'nothing is written to an instance that has ended');
        if (this.breaks) throw new Error('the intake breaks');
        sink.data.push(Buffer.from(bytes));
        return !this.full;
      },
      onDrain: (callback) => void this.#draining.push(callback),
      finish: () => {
        hold(sink.state === 'open', 'an instance is finished or discarded once');
        sink.state = 'finishing';
        return new Promise((resolve, reject) => {
          const settle = (outcome: IntakeOutcome | Error) =>
            outcome instanceof Error ? reject(outcome) : resolve(outcome);
          this.#finishing.push({ sink, settle });
        });
      },
      discard: () => {
        hold(sink.state === 'open', 'an instance is finished or discarded once');
        sink.state = 'discarded';
      },
    };
  }

  /** The instance that has waited longest has its outcome. */
  settle(outcome: IntakeOutcome | Error): void {
    const next = this.#finishing.shift();
    if (next === undefined) return;
    next.sink.state = outcome instanceof Error || outcome.kind === 'refused' ? 'refused' : 'durable';
    next.settle(outcome);
  }

  drain(): void {
    this.full = false;
    for (const callback of this.#draining.splice(0)) callback();
  }

  get waiting(): number {
    return this.#finishing.length;
  }

  count(state: Sink['state']): number {
    return this.sinks.filter((sink) => sink.state === state).length;
  }
}
