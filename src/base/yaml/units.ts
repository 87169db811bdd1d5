/** Sizes and durations as people write them. Pure. */

const sizeUnits: Record<string, number> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

const durationUnits: Record<string, number> = { ms: 1, s: 1e3, min: 60e3, h: 3600e3, d: 86_400e3 };

export const sizePattern = /^\d+(\.\d+)? ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;
export const durationPattern = /^\d+(\.\d+)? ?(ms|s|min|h|d)$/;

function measure(text: string, pattern: RegExp, units: Record<string, number>): number | undefined {
  if (!pattern.test(text)) return undefined;
  const factor = units[text.replace(/^[\d. ]+/, '')];
  const value = factor === undefined ? Number.NaN : Math.round(Number.parseFloat(text) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes of `128MiB`, `20GB`, `512 B`; undefined when it is no size or not a safe integer. */
export function parseSize(text: string): number | undefined {
  return measure(text, sizePattern, sizeUnits);
}

/** Milliseconds of `30s`, `5min`, `24h`; undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  return measure(text, durationPattern, durationUnits);
}
