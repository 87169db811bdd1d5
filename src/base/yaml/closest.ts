/** "Did you mean": the known word that a mistyped one is nearest to. Pure. */

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1);
      row.push(best);
    }
  }
  return at(a.length, b.length);
}

/** The nearest of `known`, or undefined when none is near enough to be what was meant. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const lower = word.slice(0, 64).toLowerCase();
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const shortened = lower.length >= 4 && name.toLowerCase().startsWith(lower); // stateDir for stateDirectory
    const distance = shortened ? 1 : editDistance(lower, name.toLowerCase());
    const near = distance <= Math.max(1, Math.floor(Math.max(lower.length, name.length) / 3));
    if (near && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** A hint that names the nearest word, else all of them when they are few. */
export function didYouMean(word: string, known: readonly string[], what: string): string {
  const name = closest(word, known);
  if (name !== undefined) return `did you mean "${name}"?`;
  if (known.length === 0) return `there are no ${what}`;
  return `known ${what}: ${known.slice(0, 20).join(', ')}`;
}
