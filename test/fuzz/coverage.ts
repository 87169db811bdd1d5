/**
 * Which parts of src/dicom have run, from V8's own block counters: the guide of the fuzzer. Taking a reading costs about a
 * millisecond, so it is done for a batch of cases and not for each.
 */
import { type Profiler, Session } from 'node:inspector/promises';

type Script = {
  /** Every function that V8 has told of, "start-end". The first spans the module itself and does not count. */
  functions: Map<string, [start: number, end: number]>;
  covered: Uint8Array;
};

export class Coverage {
  readonly #session = new Session();
  readonly #scripts = new Map<string, Script>();

  /** Call before the code to be watched is imported. */
  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** Positions reached since the last call that were never reached before, "file:offset". */
  async take(): Promise<Set<string>> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const news = new Set<string>();
    for (const script of result) {
      if (script.url.includes('/src/dicom/')) this.#read(script, news);
    }
    return news;
  }

  /** Whether what ran since the last call reaches one of these positions (which count as reached already). */
  async reaches(positions: ReadonlySet<string>): Promise<boolean> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    return result.some((script) => {
      if (!script.url.includes('/src/dicom/')) return false;
      const run = this.#runOf(script, this.#known(script));
      return [...positions].some((position) => {
        const colon = position.lastIndexOf(':');
        return position.slice(0, colon) === script.url && run[Number(position.slice(colon + 1))] === 1;
      });
    });
  }

  /** Characters of function bodies reached, and of how many, in the modules that ran at all. */
  figures(): { reached: number; of: number } {
    let reached = 0;
    let of = 0;
    for (const { functions, covered } of this.#scripts.values()) {
      if (!covered.includes(1)) continue;
      const body = new Uint8Array(covered.length);
      for (const [start, end] of functions.values()) body.fill(1, start, end);
      for (let i = 0; i < body.length; i++) {
        if (body[i] === 0) continue;
        of++;
        if (covered[i] === 1) reached++;
      }
    }
    return { reached, of };
  }

  #read(script: Profiler.ScriptCoverage, news: Set<string>): void {
    const known = this.#known(script);
    const run = this.#runOf(script, known);
    let inside = false;
    for (let i = 0; i < run.length; i++) {
      const isNew = run[i] === 1 && known.covered[i] === 0;
      if (isNew && !inside) news.add(`${script.url}:${i}`);
      inside = isNew;
      if (isNew) known.covered[i] = 1;
    }
  }

  /** 1 for each character of the script that ran. */
  #runOf(script: Profiler.ScriptCoverage, known: Script): Uint8Array {
    const run = new Uint8Array(known.covered.length);
    const told = new Map(script.functions.map((fn) => [keyOf(fn), fn.ranges]));
    // Outer functions first: what lies inside them paints over, and what was not told of did not run.
    const inOrder = [...known.functions].sort(([, a], [, b]) => a[0] - b[0] || b[1] - a[1]);
    for (const [key, [start, end]] of inOrder) {
      for (const range of told.get(key) ?? [{ startOffset: start, endOffset: end, count: 0 }]) {
        run.fill(range.count > 0 ? 1 : 0, range.startOffset, range.endOffset);
      }
    }
    return run;
  }

  #known(script: Profiler.ScriptCoverage): Script {
    let known = this.#scripts.get(script.url);
    if (known === undefined) {
      const length = Math.max(...script.functions.flatMap((fn) => fn.ranges.map((range) => range.endOffset)));
      known = { functions: new Map(), covered: new Uint8Array(length) };
      this.#scripts.set(script.url, known);
    }
    for (const fn of script.functions) {
      const range = fn.ranges[0];
      const isModule = range?.startOffset === 0 && range.endOffset === known.covered.length;
      if (range && !isModule) known.functions.set(keyOf(fn), [range.startOffset, range.endOffset]);
    }
    return known;
  }
}

const keyOf = (fn: Profiler.FunctionCoverage) => `${fn.ranges[0]?.startOffset}-${fn.ranges[0]?.endOffset}`;
