/**
 * A writer in a process of its own, for tests that kill it or let it race. Argument: a `PutChildJob` in JSON. Prints one
 * line of JSON: the confirmation, or {"code": …}.
 */
import type { StoreConfiguration } from '../../../../src/delivery/store/objectStore.ts';
import { openStore } from '../../../../src/delivery/store/openStore.ts';
import { makeContent, makeRequest } from '../content.fixture.ts';

export type PutChildJob = {
  configuration: StoreConfiguration;
  stateDirectory: string;
  key: string;
  size: number;
  seed: string;
  /** The content from this offset on never comes: the writer waits there to be killed. */
  blockAt?: number;
  /** Wait for a line on standard input before the put, with the store ready. */
  waitForStart?: boolean;
};

const job: PutChildJob = JSON.parse(process.argv[2] ?? '');
const { configuration, stateDirectory, key, size, seed, blockAt = size } = job;
const request = makeRequest(key, makeContent(size, seed));
const blocked: typeof request.open = async function* (range = { start: 0, end: size }) {
  let at = range.start;
  for await (const chunk of request.open(range)) {
    // The timer keeps the process alive: a promise alone does not.
    if (at + chunk.length > blockAt) await new Promise((resolve) => setTimeout(resolve, 600_000));
    at += chunk.length;
    yield chunk;
  }
};

const store = openStore(configuration, { stateDirectory, retry: false });
await store.capabilities();
if (job.waitForStart) {
  process.stdout.write('ready\n');
  await new Promise((resolve) => process.stdin.once('data', resolve));
}
const result = await store.put({ ...request, open: blocked }).catch((error) => ({ code: error.code }));
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
