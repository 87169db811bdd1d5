/** Kinds of value that YAML files of the gateway have, each with its rule, its message and its hint. */
import { z } from 'zod';
import { durationPattern, parseDuration, parseSize, sizePattern } from './units.ts';

type Bounds = { min?: number; max?: number };

/** A number or a text with a unit. The bounds and the result are in bytes or milliseconds. */
function measured(what: string, pattern: RegExp, parse: (text: string) => number | undefined, unit: string, b: Bounds) {
  return z
    .union([z.int().min(0), z.string().regex(pattern, `is not a ${what}`)], { error: `is not a ${what}` })
    .transform((written, context) => {
      const value = typeof written === 'number' ? written : parse(written);
      let message: string | undefined;
      if (value === undefined) message = 'is too large';
      else if (value < (b.min ?? 0)) message = `must be at least ${b.min} ${unit}`;
      else if (value > (b.max ?? Number.MAX_SAFE_INTEGER)) message = `must be at most ${b.max} ${unit}`;
      if (message === undefined && value !== undefined) return value;
      context.addIssue({ code: 'custom', message: message ?? '' });
      return z.NEVER;
    });
}

/** Bytes. */
export function size(bounds: Bounds = {}) {
  const hint = 'write a number of bytes, or a size such as 512KiB, 128MiB, 20GB';
  return measured('size', sizePattern, parseSize, 'bytes', bounds).meta({ 'x-hint': hint });
}

/** What a timer of Node can wait for: a longer time would end it at once. */
const longestTimer = 2 ** 31 - 1;

/** Milliseconds, at most what a timer takes unless `max` says otherwise. */
export function duration(bounds: Bounds = {}) {
  const hint = 'write a duration such as 500ms, 30s, 5min, 24h, 7d';
  return measured('duration', durationPattern, parseDuration, 'ms', { min: 1, max: longestTimer, ...bounds }).meta({
    'x-hint': hint,
  });
}

export function name() {
  const hint = 'use 1 to 63 characters: letters a-z, digits, hyphens, a letter or digit first';
  return z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a name')
    .meta({ 'x-hint': hint });
}
