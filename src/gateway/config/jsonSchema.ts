/** The configuration schema as JSON schema: for editors, and to look up what is known of a key. */
import { z } from 'zod';
import type { KeyPath } from './problem.ts';
import { configurationSchema } from './schema.ts';

/** The part of JSON schema (draft 2020-12) that occurs in ours. */
export type JsonSchema = {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  'x-applies'?: 'live' | 'restart';
  'x-hint'?: string;
  'x-path'?: boolean;
};

export function configurationJsonSchema(): JsonSchema {
  return z.toJSONSchema(configurationSchema, { io: 'input', reused: 'inline' }) as JsonSchema;
}

let cached: JsonSchema | undefined;
const schema = (): JsonSchema => {
  cached ??= configurationJsonSchema();
  return cached;
};

function branches(node: JsonSchema): JsonSchema[] {
  return [node, ...(node.anyOf ?? []).flatMap(branches), ...(node.oneOf ?? []).flatMap(branches)];
}

/** Of several shapes the one whose constants (`type: s3`) are those of `value`. */
function shapesFor(node: JsonSchema, value: unknown): JsonSchema[] {
  const shapes = branches(node).filter((shape) => shape.properties !== undefined);
  if (shapes.length < 2 || typeof value !== 'object' || value === null) return shapes;
  const fitting = shapes.filter((shape) =>
    Object.entries(shape.properties ?? {}).every(
      ([key, property]) => property.const === undefined || property.const === (value as Record<string, unknown>)[key],
    ),
  );
  return fitting.length > 0 ? fitting : shapes;
}

function valueAt(value: unknown, step: string | number): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[step] : undefined;
}

/** What the schema says of the key at `path` in a configuration whose (perhaps wrong) content is `root`. */
export function describeKey(path: KeyPath, root: unknown): { hint?: string; knownKeys: string[] } {
  let nodes = [schema()];
  let value = root;
  for (const step of path) {
    nodes = nodes.flatMap((node) => {
      if (typeof step === 'number') return branches(node).flatMap((branch) => branch.items ?? []);
      return shapesFor(node, value).flatMap((shape) => shape.properties?.[step] ?? []);
    });
    value = valueAt(value, step);
  }
  const hint = nodes.flatMap(branches).find((node) => node['x-hint'] !== undefined)?.['x-hint'];
  const knownKeys = nodes
    .flatMap((node) => shapesFor(node, value))
    .flatMap((node) => Object.keys(node.properties ?? {}));
  return { ...(hint === undefined ? {} : { hint }), knownKeys: [...new Set(knownKeys)] };
}

export type KnownKey = {
  /** `stores[].bucket` */
  key: string;
  description: string;
  applies: 'live' | 'restart' | undefined;
  default: unknown;
  /** false for a section or a list of sections. */
  leaf: boolean;
  isPath: boolean;
};

/** Every key of the configuration, sections before what they hold. */
export function knownKeys(node: JsonSchema = schema(), prefix = ''): KnownKey[] {
  const found = new Map<string, KnownKey>();
  for (const shape of branches(node)) {
    for (const [name, property] of Object.entries(shape.properties ?? {})) {
      const inner = branches(property);
      const items = inner.flatMap((branch) => (branch.items ? [branch.items] : []));
      const sections = [...inner, ...items.flatMap(branches)].filter((branch) => branch.properties !== undefined);
      const scalar = inner.some((branch) => branch.type === 'string'); // a secret is a text or a section
      const key = `${prefix}${name}`;
      const leaf = sections.length === 0 || scalar;
      const { description = '', 'x-applies': applies, default: value } = property;
      const isPath = inner.some((branch) => branch['x-path'] === true);
      if (!found.has(key)) found.set(key, { key, description, applies, default: value, leaf, isPath });
      if (leaf) continue;
      for (const section of items.length > 0 ? items : [property]) {
        for (const sub of knownKeys(section, `${key}${items.length > 0 ? '[]' : ''}.`)) {
          if (!found.has(sub.key)) found.set(sub.key, sub);
        }
      }
    }
  }
  return [...found.values()];
}

/** The text of config/gateway.schema.json. */
export function schemaFileText(): string {
  return `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`;
}
