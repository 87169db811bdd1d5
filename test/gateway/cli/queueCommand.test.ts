import { describe, expect, it } from 'vitest';
import { renderEntry, renderQueue } from '../../../src/gateway/cli/queueCommand.ts';
import type { QueueEntry } from '../../../src/web/status.ts';

const instance: QueueEntry = {
  id: 1,
  store: 'vault',
  key: 'site/studies/1.2/series/1.3/1.4.dcm',
  state: 'queued',
  bytes: 1000,
  priority: 'normal',
  attempts: 0,
  queuedAt: 0,
};
const result: QueueEntry = {
  ...instance,
  id: 2,
  store: 'research',
  key: 'site/studies/2.25.1/results/ct/1.0.0/report.json',
  result: { application: 'ct', version: '1.0.0', revision: 2, study: '2.25.1', from: 200 },
};

describe('the queue, for people', () => {
  it('names the application of what one made', () => {
    const text = renderQueue({ entries: [instance, result] }, 0);
    expect(text).toMatch(/APPLICATION +KEY/);
    expect(text).toMatch(/research.*ct@1\.0\.0 +site\/studies\/2\.25\.1\/results/);
    expect(text).toMatch(/vault.*now +site\/studies\/1\.2\/series/);
  });

  it('has no such column where there is nothing of the kind', () => {
    expect(renderQueue({ entries: [instance] }, 0)).not.toContain('APPLICATION');
  });

  it('shows one with its application, its revision, its study and from how much it was made', () => {
    const text = renderEntry(result, 0);
    expect(text).toMatch(/^application: +ct@1\.0\.0, revision 2$/m);
    expect(text).toMatch(/^study: +2\.25\.1$/m);
    expect(text).toMatch(/^made from: +200 instances$/m);
    expect(renderEntry(instance, 0)).not.toMatch(/application|made from/);
  });
});
