import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StatusParts, statusSource } from '../../src/gateway/statusSource.ts';
import { type DeliverySite, identifying, outputStudy, startSite } from '../delivery/deliverySite.ts';

let directory: string;
let site: DeliverySite;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'medusa-queued-'));
  site = await startSite({ directory });
});
afterEach(async () => {
  await site.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('the queue shows results with their key, application and study as they will be in the store', async () => {
  await site.receive(0, 2);
  await site.work();
  const keySpaces = new Map(['vault', 'research'].map((name) => [name, { prefix: '', site: 'site' }]));
  const parts = { spool: site.spool, dispatcher: site.dispatcher, keySpaces } as unknown as StatusParts;
  const { queue, queueEntry } = statusSource(parts, {} as never);
  const { entries } = queue({ limit: 100 });
  expect(entries.filter(({ store }) => store === 'vault').map(({ result }) => result)).toEqual([undefined, undefined]);
  const results = entries.filter(({ store }) => store === 'research');
  expect(results).toHaveLength(4);
  const report = results.find(({ key }) => key.endsWith('/report.json'));
  expect(report).toMatchObject({
    key: `site/studies/${outputStudy}/results/ct/1.0.0/report.json`,
    state: 'queued',
    bytes: JSON.stringify({ instances: 2 }).length,
    result: { application: 'ct', version: '1.0.0', revision: 1, study: outputStudy, from: 2 },
  });
  expect(report?.queuedAt).toBeGreaterThan(0);
  expect(queueEntry(report?.id ?? 0)).toEqual(report);
  const text = JSON.stringify(results.map(({ store: _, ...rest }) => rest));
  for (const value of identifying) expect(text).not.toContain(value);
});
