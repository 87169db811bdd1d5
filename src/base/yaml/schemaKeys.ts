/** What a JSON schema, made from a zod schema, says of the keys of a YAML text. Pure. */
import { z } from 'zod';
import type { KeyPath } from './problem.ts';

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

/** As what is written has to be, before anything is parsed or filled in. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', reused: 'inline' }) as JsonSchema;
}

/** The text of a schema file for editors. */
export function schemaText(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

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

/** What `schema` says of the key at `path` in a text whose (perhaps wrong) content is `root`. */
export function describeKey(schema: JsonSchema, path: KeyPath, root: unknown): { hint?: string; knownKeys: string[] } {
  let nodes = [schema];
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

/** Every key of `node`, sections before what they hold. */
export function knownKeys(node: JsonSchema, prefix = ''): KnownKey[] {
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
