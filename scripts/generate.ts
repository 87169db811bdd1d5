/** Writes the files that are made from the sources. A test fails while they differ from what this would write. */
import { writeFileSync } from 'node:fs';
import { schemaFileText } from '../src/gateway/config/jsonSchema.ts';

const file = new URL('../config/gateway.schema.json', import.meta.url);
writeFileSync(file, schemaFileText());
console.log('config/gateway.schema.json written');
