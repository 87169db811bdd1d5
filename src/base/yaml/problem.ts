/** What is wrong with a YAML text, where, and what mends it. */

export type KeyPath = ReadonlyArray<string | number>;

export type Problem = {
  file: string;
  /** 1-based; 0 when the problem has no place in the text (the file cannot be read). */
  line: number;
  column: number;
  /** The key, as in `stores[0].bucket`; empty for the whole file. */
  key: string;
  message: string;
  hint?: string;
};

/** A problem found at a key, before its place in the text is known. */
export type Finding = {
  path: KeyPath;
  message: string;
  hint?: string | undefined;
  /** true: the key itself is wrong, not its value. */
  atKey?: boolean;
};

/** `stores[0].bucket` */
export function formatKey(path: KeyPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** `gateway.yaml:12:5: limits.artimTimeout: is not a duration (write a duration such as …)` */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const key = problem.key === '' ? '' : ` ${problem.key}:`;
  const hint = problem.hint === undefined ? '' : `\n    ${problem.hint}`;
  return `${place}:${key} ${problem.message}${hint}`;
}
