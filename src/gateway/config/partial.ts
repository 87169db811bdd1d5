/**
 * What of a configuration is right, when not all of it is: so that one mistake does not hide the others that only a
 * look at the meaning can find. Pure.
 */
import { configurationSchema, type ParsedConfiguration } from './schema.ts';

/** Lists keep their indices; an entry that is wrong is undefined. A section that is wrong is undefined as a whole. */
export type PartialConfiguration = {
  [Key in keyof ParsedConfiguration]?: ParsedConfiguration[Key] extends Array<infer Entry>
    ? Array<Entry | undefined>
    : ParsedConfiguration[Key];
};

type List = 'listeners' | 'peers' | 'stores' | 'routes';
const lists: Record<List, true> = { listeners: true, peers: true, stores: true, routes: true };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The sound parts of `root`, each parsed by itself. */
export function soundParts(root: unknown): PartialConfiguration {
  if (!isRecord(root)) return {};
  const sound: Record<string, unknown> = {};
  for (const [key, section] of Object.entries(configurationSchema.shape)) {
    const value = root[key];
    if (key in lists && Array.isArray(value)) {
      sound[key] = value.map((entry) => {
        const result = section.safeParse([entry]);
        return result.success && Array.isArray(result.data) ? result.data[0] : undefined;
      });
    } else {
      const result = section.safeParse(value);
      if (result.success) sound[key] = result.data;
    }
  }
  return sound as PartialConfiguration;
}

/** The names in a list as they are written, those of entries that are otherwise wrong included. */
export function writtenNames(root: unknown, list: List, key: 'name' | 'aeTitle'): Array<string | undefined> {
  const entries = isRecord(root) ? root[list] : undefined;
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: unknown) => {
    const name = isRecord(entry) ? entry[key] : undefined;
    return typeof name === 'string' ? name : undefined;
  });
}
