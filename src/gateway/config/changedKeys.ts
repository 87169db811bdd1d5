/** Which keys differ between two configurations, and when a change of each takes effect. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { type KnownKey, knownKeys } from './jsonSchema.ts';

export type ChangedKey = { /** `peers[].addresses` */ key: string; applies: 'live' | 'restart' };

type Section = Readonly<Record<string, unknown>>;

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What an entry of a list is known by. */
const nameOf = (entry: unknown) => (isSection(entry) ? (entry.name ?? entry.aeTitle) : undefined);

function changes(before: unknown, after: unknown, key: string, known: ReadonlyMap<string, KnownKey>): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (known.get(key)?.leaf === true) return [key];
  if (Array.isArray(before) && Array.isArray(after)) {
    if (!isDeepStrictEqual(before.map(nameOf), after.map(nameOf))) return [key];
    return before.flatMap((entry, index) => changes(entry, after[index], `${key}[]`, known));
  }
  if (!isSection(before) || !isSection(after)) return [key];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => changes(before[name], after[name], key === '' ? name : `${key}.${name}`, known));
}

/** Each changed key once. A list in which entries came or went, or changed places, counts as a whole. */
export function changedKeys(before: object, after: object): ChangedKey[] {
  const known = new Map(knownKeys().map((one) => [one.key, one]));
  const keys = new Set(changes(before, after, '', known));
  return [...keys].sort().map((key) => ({ key, applies: known.get(key)?.applies ?? 'restart' }));
}
