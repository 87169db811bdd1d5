/**
 * The loop: make a case, run it, keep it if it did something new. New is a feature that the target tells of (a state, an
 * answer, an error), looked at for each case, or code that had not run yet, looked at for each batch.
 */
import type { Coverage } from './coverage.ts';
import { encodeCase, type FuzzCase } from './fuzzCase.ts';
import { minimise } from './minimise.ts';
import { mutate, randomOperation } from './mutate.ts';
import { Random } from './random.ts';
import { Broken, type Target } from './target.ts';

export type Failure = {
  target: string;
  /** What was broken; digits that vary from case to case are left in. */
  message: string;
  /** Of the run: the same seed and number of cases make it again. */
  seed: number;
  /** The smallest case that breaks it in the same way, base64; test/fuzz/regressions keeps those. */
  reproducer: string;
};

export type TargetResult = {
  name: string;
  cases: number;
  seconds: number;
  features: number;
  kept: number;
  /** Characters of the functions in src/dicom that this target's modules hold, and how many of them ran. */
  coverage?: { reached: number; of: number };
  failures: Failure[];
};

export type FuzzOptions = {
  cases: number;
  seconds: number;
  seed: number;
  coverage?: Coverage | undefined;
  /** One is enough. Otherwise it goes on for ten. */
  stopAtFailure?: boolean;
  /** Called before each case, for whoever watches from outside. */
  onCase?: (fuzzCase: FuzzCase) => void;
  onProgress?: (cases: number) => void;
};

const batchSize = 400;
const maxSteps = 60;
const maxFeatures = 20_000;
const maxFailures = 10;

/** Two failures with one signature count as one. */
const signatureOf = (error: unknown) =>
  (error instanceof Broken ? error.rule : messageOf(error)).replace(/[0-9]+/g, '#').slice(0, 80);
const messageOf = (error: unknown) => {
  if (!(error instanceof Error)) return String(error);
  return error instanceof Broken
    ? error.message
    : `${error.name}: ${error.message} ${error.stack?.split('\n')[1] ?? ''}`;
};

export class Fuzzer {
  readonly #target: Target;
  readonly #options: FuzzOptions;
  readonly #random: Random;
  readonly #corpus: FuzzCase[] = [];
  readonly #features = new Set<string>();
  readonly #failures = new Map<string, Failure>();
  #cases = 0;
  #news = false;

  constructor(target: Target, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<TargetResult> {
    const started = performance.now();
    const deadline = started + this.#options.seconds * 1000;
    await this.#options.coverage?.take(); // the modules' own first run
    const seeds = this.#target.seeds();
    for (let from = 0; from < seeds.length; from += batchSize) {
      await this.#batch(seeds.slice(from, from + batchSize), true);
    }
    const enough = this.#options.stopAtFailure ? 1 : maxFailures;
    while (this.#cases < this.#options.cases && performance.now() < deadline && this.#failures.size < enough) {
      const size = Math.min(batchSize, this.#options.cases - this.#cases);
      await this.#batch(
        Array.from({ length: size }, () => this.#next()),
        false,
      );
      this.#options.onProgress?.(this.#cases);
    }
    return {
      name: this.#target.name,
      cases: this.#cases,
      seconds: Math.round(performance.now() - started) / 1000,
      features: this.#features.size,
      kept: this.#corpus.length,
      ...(this.#options.coverage ? { coverage: this.#options.coverage.figures() } : {}),
      failures: [...this.#failures.values()],
    };
  }

  #next(): FuzzCase {
    const { operations, maxBytes } = this.#target;
    if (this.#corpus.length === 0 || this.#random.oneIn(5)) {
      const fresh = this.#target.generate(this.#random);
      if (operations > 0 && this.#random.oneIn(2)) {
        fresh.steps.splice(this.#random.below(fresh.steps.length + 1), 0, randomOperation(this.#random, operations));
      }
      return fresh;
    }
    return mutate(this.#choose(), this.#choose(), this.#random, { operations, maxBytes, maxSteps });
  }

  /** The latest finds more often than the others. */
  #choose(): FuzzCase {
    const newest = this.#corpus.slice(-20);
    return this.#random.oneIn(3) ? this.#random.pick(newest) : this.#random.pick(this.#corpus);
  }

  async #batch(cases: FuzzCase[], keepAll: boolean): Promise<void> {
    const unremarkable: FuzzCase[] = [];
    for (const fuzzCase of cases) {
      this.#news = false;
      await this.#runOne(fuzzCase);
      if (keepAll || this.#news) this.#corpus.push(fuzzCase);
      else unremarkable.push(fuzzCase);
    }
    const coverage = this.#options.coverage;
    if (coverage === undefined) return;
    const reached = await coverage.take();
    if (reached.size > 0 && unremarkable.length > 0) await this.#attribute(unremarkable, reached, coverage);
  }

  /** Keeps one case of the batch for what the batch has reached: halves it until one is left. */
  async #attribute(cases: FuzzCase[], reached: Set<string>, coverage: Coverage): Promise<void> {
    let suspects = cases;
    while (suspects.length > 1) {
      const half = suspects.slice(0, suspects.length >> 1);
      for (const fuzzCase of half) await this.#quietly(fuzzCase);
      suspects = (await coverage.reaches(reached)) ? half : suspects.slice(half.length);
    }
    this.#corpus.push(...suspects);
  }

  async #runOne(fuzzCase: FuzzCase): Promise<void> {
    this.#cases++;
    this.#options.onCase?.(fuzzCase);
    try {
      const running = this.#target.run(fuzzCase, (feature) => this.#observe(feature));
      if (running instanceof Promise) await running;
    } catch (error) {
      await this.#onFailure(fuzzCase, error);
    }
  }

  #observe(feature: string): void {
    if (this.#features.has(feature) || this.#features.size >= maxFeatures) return;
    this.#features.add(feature);
    this.#news = true;
  }

  /** The error that the case ends with, or undefined. */
  async #quietly(fuzzCase: FuzzCase): Promise<unknown> {
    this.#options.onCase?.(fuzzCase);
    try {
      await this.#target.run(fuzzCase, () => {});
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #onFailure(fuzzCase: FuzzCase, error: unknown): Promise<void> {
    const signature = signatureOf(error);
    if (this.#failures.has(signature)) return;
    this.#failures.set(signature, this.#failureOf(fuzzCase, error));
    const smallest = await minimise(fuzzCase, async (candidate) => {
      const found = await this.#quietly(candidate);
      return found !== undefined && signatureOf(found) === signature;
    });
    this.#failures.set(signature, this.#failureOf(smallest, (await this.#quietly(smallest)) ?? error));
  }

  #failureOf(fuzzCase: FuzzCase, error: unknown): Failure {
    const reproducer = encodeCase(fuzzCase).toString('base64');
    return { target: this.#target.name, message: messageOf(error), seed: this.#options.seed, reproducer };
  }
}
