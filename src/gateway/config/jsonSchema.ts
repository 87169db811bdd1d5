/** The configuration schema as JSON schema: for editors, and to look up what is known of a key. */
import type { KeyPath } from '../../base/yaml/problem.ts';
import * as schemaKeys from '../../base/yaml/schemaKeys.ts';
import { configurationSchema } from './schema.ts';

export type { JsonSchema, KnownKey } from '../../base/yaml/schemaKeys.ts';

let cached: schemaKeys.JsonSchema | undefined;

export function configurationJsonSchema(): schemaKeys.JsonSchema {
  cached ??= schemaKeys.jsonSchemaOf(configurationSchema);
  return cached;
}

/** What the schema says of the key at `path` in a configuration whose (perhaps wrong) content is `root`. */
export function describeKey(path: KeyPath, root: unknown): { hint?: string; knownKeys: string[] } {
  return schemaKeys.describeKey(configurationJsonSchema(), path, root);
}

/** Every key of the configuration, sections before what they hold. */
export function knownKeys(): schemaKeys.KnownKey[] {
  return schemaKeys.knownKeys(configurationJsonSchema());
}

/** The text of config/gateway.schema.json. */
export function schemaFileText(): string {
  return schemaKeys.schemaText(configurationJsonSchema());
}
