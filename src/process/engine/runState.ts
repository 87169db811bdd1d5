/**
 * What a run has come to so far: what became of each input, and what would leave. A run either goes on or ends with a
 * RunStop, thrown from wherever that is known.
 */
import type { InputOutcome, ResultRecord } from '../../spool/work/workTypes.ts';
import type { AppliedStep, Identity } from '../step.ts';
import { notScanned } from '../steps/notScanned.ts';
import type { About, WorkAnswer } from './protocol.ts';
import type { InfectedInput, RunEnding, RunFailure, RunInput } from './runTypes.ts';

/** Ends a run early. */
export class RunStop extends Error {
  readonly ending: RunFailure | { kind: 'skipped'; reason: string };

  constructor(ending: RunFailure | { kind: 'skipped'; reason: string }) {
    super(ending.kind);
    this.ending = ending;
  }
}

export function failed(code: string, message: string, hint: string, retryable = false): RunStop {
  return new RunStop({ kind: 'failed', code, message, hint, retryable });
}

export type Passed = Extract<WorkAnswer, { kind: 'passed' }>;

/** Different details of one step that are recorded one by one; figures of each instance would be too many. */
const mostDetails = 4;

export class RunState {
  readonly inputs: readonly RunInput[];
  readonly passed = new Map<number, Passed>();
  readonly #outcomes = new Map<number, InputOutcome>();
  readonly #applied = new Map<string, { step: AppliedStep; details: Set<string> }>();
  readonly infected: InfectedInput[] = [];
  unscanned = 0;

  constructor(inputs: readonly RunInput[]) {
    this.inputs = inputs;
  }

  pass(input: RunInput, answer: Passed): void {
    this.passed.set(input.id, answer);
    this.#outcomes.set(input.id, { instance: input.id, outcome: 'used' });
    for (const step of answer.applied) this.note(step);
    if (answer.applied.some(({ detail }) => detail === notScanned)) this.unscanned += 1;
  }

  leaveOut(input: RunInput, reason: string): void {
    this.passed.delete(input.id);
    this.#outcomes.set(input.id, { instance: input.id, outcome: 'not-selected', reason });
  }

  quarantine(input: RunInput, code: string, reason: string): void {
    this.passed.delete(input.id);
    this.#outcomes.set(input.id, { instance: input.id, outcome: 'quarantined', code, reason });
    if (code === 'scan.infected') {
      this.infected.push({ instance: input.id, sopInstanceUid: input.sopInstanceUid, finding: reason });
    }
  }

  note(step: AppliedStep): void {
    const key = JSON.stringify([step.name, step.version]);
    const known = this.#applied.get(key) ?? { step, details: new Set() };
    this.#applied.set(key, known);
    if (known.details.size <= mostDetails) known.details.add(step.detail);
  }

  get applied(): AppliedStep[] {
    return [...this.#applied.values()].flatMap(({ step, details }) =>
      details.size > mostDetails
        ? [{ ...step, detail: `${commonBeginning([...details])}... (differs between instances)` }]
        : [...details].map((detail) => ({ ...step, detail })),
    );
  }

  /** In the order of the inputs. */
  get outcomes(): InputOutcome[] {
    return this.inputs.flatMap(({ id }) => this.#outcomes.get(id) ?? []);
  }

  count(outcome: InputOutcome['outcome']): number {
    let count = 0;
    for (const one of this.#outcomes.values()) if (one.outcome === outcome) count += 1;
    return count;
  }

  /** One for each input that was de-identified; those of quarantined inputs are not among them. */
  get identities(): Identity[] {
    return [...this.passed.values()].flatMap(({ identity }) => identity ?? []);
  }

  /** What the steps made of the inputs. */
  get results(): ResultRecord[] {
    return [...this.passed.values()].flatMap(({ results }) => results);
  }

  /** Of the first that passed: a unit has one study. */
  get about(): About {
    const [first] = this.passed.values();
    return first?.about ?? { study: '', series: '', instance: '', modality: '' };
  }

  ended(ending: RunStop['ending']): RunEnding {
    const { infected, outcomes } = this;
    return ending.kind === 'skipped'
      ? { ...ending, inputs: outcomes, infected }
      : { ...ending, inputs: outcomes, infected };
  }
}

function commonBeginning([first = '', ...others]: string[]): string {
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length -= 1;
  return first.slice(0, length);
}
