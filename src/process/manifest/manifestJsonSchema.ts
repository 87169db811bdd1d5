/** The schema of manifests as JSON schema: for editors, for hints, and for the guide. */
import { type JsonSchema, jsonSchemaOf, schemaText } from '../../base/yaml/schemaKeys.ts';
import { manifestSchema, stepNames } from './manifestSchema.ts';

let cached: JsonSchema | undefined;

/** Steps may be just their name (see normalise.ts), which only editors need to know. */
export function manifestJsonSchema(): JsonSchema {
  if (cached === undefined) {
    cached = jsonSchemaOf(manifestSchema);
    const steps = cached.properties?.dataPart?.properties?.steps;
    if (steps?.items) steps.items = { anyOf: [{ type: 'string', enum: [...stepNames] }, steps.items] };
  }
  return cached;
}

/** The text of config/application.schema.json. */
export function manifestSchemaFileText(): string {
  return schemaText(manifestJsonSchema());
}
