/** Names of attributes as people write them in a manifest: the keyword of PS3.6 or eight hexadecimal digits. Pure. */
import { createRequire } from 'node:module';

type Dictionary = typeof import('dcmjs/dictionary');

let tagsByKeyword: Map<string, string> | undefined;

/** Loaded when a keyword is met for the first time: the dictionary is large. */
function keywords(): Map<string, string> {
  if (tagsByKeyword !== undefined) return tagsByKeyword;
  const { default: dictionary } = createRequire(import.meta.url)('dcmjs/dictionary') as Dictionary;
  tagsByKeyword = new Map();
  for (const { tag, name } of Object.values(dictionary)) {
    const [, group, element] = /^\(([0-9A-F]{4}),([0-9A-F]{4})\)$/.exec(tag) ?? [];
    if (group !== undefined && element !== undefined) tagsByKeyword.set(name.replace(/^RETIRED_/, ''), group + element);
  }
  return tagsByKeyword;
}

export const knownKeywords = (): string[] => [...keywords().keys()];

/** `0008103E` of `SeriesDescription`, `0008103e`, `0008,103E` or `(0008,103E)`; undefined when it is none of them. */
export function tagNamed(text: string): string | undefined {
  const hex = /^\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?$/.exec(text);
  return hex ? `${hex[1]}${hex[2]}`.toUpperCase() : keywords().get(text);
}

/** Group and element of a private element as table E.3.10-1 of PS3.15 writes it: `(0019,xx0C)`, or `0019xx0C`. */
export function privateElement(text: string): { group: number; element: number } | undefined {
  const [, group, element] = /^\(?([0-9A-Fa-f]{4}),?xx([0-9A-Fa-f]{2})\)?$/.exec(text) ?? [];
  if (group === undefined || element === undefined || Number.parseInt(group, 16) % 2 === 0) return undefined;
  return { group: Number.parseInt(group, 16), element: Number.parseInt(element, 16) };
}
