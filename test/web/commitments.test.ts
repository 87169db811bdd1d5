import { expect, test } from 'vitest';
import { renderStatus } from '../../src/gateway/cli/statusCommand.ts';
import { renderMetrics, statusMetrics } from '../../src/web/metrics.ts';
import { renderPage } from '../../src/web/page.ts';
import { sampleStatus } from './sampleStatus.ts';

test('storage commitment stands on the page, in the terminal and in the metrics, once somebody asked for it', () => {
  const status = sampleStatus();
  expect(renderPage(status)).toMatch(/Storage commitment.*<td>CT1<\/td><td class="n">2<\/td><td class="n">1<\/td>/s);
  expect(renderStatus(status)).toMatch(/COMMITMENT ASKED BY .*PENDING.*\nCT1 +2 +1 +40 +3 +0 +1\n/);
  const metrics = renderMetrics(statusMetrics(status));
  expect(metrics).toContain('medusa_storage_commitments_pending{peer="CT1"} 2');
  expect(metrics).toContain('medusa_storage_commitments_reported_total{peer="CT1"} 40');
  const quiet = sampleStatus({ commitments: [] });
  expect(renderPage(quiet)).not.toContain('Storage commitment');
  expect(renderStatus(quiet)).not.toContain('COMMITMENT');
});
