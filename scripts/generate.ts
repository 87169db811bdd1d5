/** Writes the files that are made from the sources. A test fails while they differ from what this would write. */
import { writeFileSync } from 'node:fs';
import { schemaFileText } from '../src/gateway/config/jsonSchema.ts';
import { manifestSchemaFileText } from '../src/process/manifest/manifestJsonSchema.ts';
import { applicationBlocks, applicationGuideFile, applicationGuideText } from './applicationBlocks.ts';
import { conformanceFile, conformanceText, fillBlocks } from './conformance.ts';
import { conformanceBlocks } from './conformanceBlocks.ts';

const file = new URL('../config/gateway.schema.json', import.meta.url);
writeFileSync(file, schemaFileText());
console.log('config/gateway.schema.json written');
writeFileSync(new URL('../config/application.schema.json', import.meta.url), manifestSchemaFileText());
console.log('config/application.schema.json written');
writeFileSync(conformanceFile, fillBlocks(conformanceText(), conformanceBlocks()));
console.log('docs/conformance-statement.md: generated blocks written');
writeFileSync(applicationGuideFile, fillBlocks(applicationGuideText(), applicationBlocks()));
console.log('docs/split-applications.md: generated block written');
