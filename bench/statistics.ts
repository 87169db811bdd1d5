/** Medians, and ratios of things measured side by side. Pure. */

/** Of an empty list: undefined. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[middle - 1];
  if (upper === undefined) return undefined;
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

/**
 * The median of the ratios a/b within each round. Rounds in which either is missing do not count. A machine that gets
 * slower from round to round moves the medians, but not this.
 */
export function pairedRatio(
  a: ReadonlyArray<number | undefined>,
  b: ReadonlyArray<number | undefined>,
): number | undefined {
  const ratios: number[] = [];
  a.forEach((value, round) => {
    const other = b[round];
    if (value !== undefined && other !== undefined && other > 0) ratios.push(value / other);
  });
  return median(ratios);
}

/** `items` begun at another place each round, so that each is first, second, ... as often as the others. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const start = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** To so many significant digits; undefined becomes null, for JSON. */
export function rounded(value: number | undefined, digits = 3): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(digits));
}
