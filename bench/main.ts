/**
 * `npm run bench -- [--only reception|delivery|spool|split|negotiation|siege] [--quick] [--json] [--storage FOLDER]`: measurements side by side with
 * others. Tables and remarks go to standard error with --json, else to standard output; the last line of standard output
 * is one JSON object in any case.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTestPki } from '../test/support/certificates.ts';
import { benchDelivery } from './deliverySection.ts';
import { loadgenMissing } from './loadgen.ts';
import { benchNegotiation } from './negotiationSection.ts';
import { benchReception } from './receptionSection.ts';
import type { Section } from './section.ts';
import { benchSiege } from './siegeSection.ts';
import { benchSplit } from './splitSection.ts';
import { benchSpoolForms } from './spoolForms.ts';
import { fileSystemOf, openStorage, pageCacheRule } from './storage.ts';

const sections: Record<string, Section> = {
  reception: benchReception,
  delivery: benchDelivery,
  spool: benchSpoolForms,
  split: benchSplit,
  negotiation: benchNegotiation,
  siege: benchSiege,
};
/** These answer a question of ours, or take their own five minutes: they run only when they are named. */
const whenNamed = new Set(['split', 'negotiation', 'siege']);
/** Fixed names of measurements whose subjects are not built yet. */
const later = ['tunnel', 'link'];

const usage = `npm run bench -- [--only ${Object.keys(sections).join('|')}] [--quick] [--json] [--storage FOLDER]
  --quick     everything in under five minutes, with shorter runs and fewer rounds; ${[...whenNamed].join(', ')} run only when they are named
  --json      nothing but the JSON line on standard output
  --storage   a folder on a real disk for all that receivers write (default var/bench in the project)
`;

function readArguments() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      storage: { type: 'string', default: new URL('../var/bench', import.meta.url).pathname },
      help: { type: 'boolean', default: false },
    },
  });
  const { only } = values;
  if (only !== undefined && !(only in sections) && !later.includes(only)) throw new Error(`nothing is called ${only}`);
  return values;
}

type Arguments = ReturnType<typeof readArguments>;

async function runSections(args: Arguments, say: (line: string) => void): Promise<Record<string, unknown>> {
  if (args.only !== undefined && later.includes(args.only)) {
    return { couldNotRun: { [args.only]: 'not built yet' } };
  }
  const missing = loadgenMissing();
  if (missing) return { couldNotRun: { bench: missing } };
  const storage = openStorage(args.storage);
  // The folder also goes when the bench is interrupted; its servers end with this process (startServer).
  process.once('exit', () => storage.remove());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

  const pki = await createTestPki(join(storage.directory, 'pki'));
  say(`Storage: ${storage.directory}, ${storage.fileSystem}`);
  say(`Load average before: ${loadavg().map((load) => load.toFixed(1))}`);
  say(`${pageCacheRule}\n`);
  const summary: Record<string, unknown> = {};
  const couldNotRun: Record<string, string> = {};
  for (const [name, section] of Object.entries(sections)) {
    if (args.only === undefined ? whenNamed.has(name) : args.only !== name) continue;
    const result = await section({ quick: args.quick, storage, pki, say });
    Object.assign(summary, result.summary);
    Object.assign(couldNotRun, result.couldNotRun);
  }
  return { ...summary, couldNotRun, pageCache: pageCacheRule, fileSystem: fileSystemOf(args.storage) };
}

async function main(): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  if (args.help) {
    process.stdout.write(usage);
    return 0;
  }
  const say = (line: string) => void (args.json ? process.stderr : process.stdout).write(`${line}\n`);
  const started = performance.now();
  const result = await runSections(args, say);
  for (const [what, why] of Object.entries(result.couldNotRun as Record<string, string>)) {
    say(`could not run: ${what}: ${why}`);
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(`${JSON.stringify({ ...result, quick: args.quick, seconds })}\n`);
  return 0;
}

process.exitCode = await main();
