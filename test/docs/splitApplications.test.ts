/** docs/split-applications.md against the schema of manifests, the command line, and what it shows. */
import { expect, it } from 'vitest';
import { applicationBlocks, applicationGuideText } from '../../scripts/applicationBlocks.ts';
import { fillBlocks } from '../../scripts/conformance.ts';
import { parseManifest } from '../../src/process/manifest/parseManifest.ts';
import { runInProcess } from '../gateway/cli/inProcess.ts';

const text = applicationGuideText();

it('has the keys that `npm run generate` writes', () => {
  expect(fillBlocks(text, applicationBlocks())).toBe(text);
});

it('shows a manifest that is sound, without a warning', () => {
  const [, manifest = ''] = /```yaml\n(# yaml-language-server[\s\S]*?)```/.exec(text) ?? [];
  expect(parseManifest(manifest, 'application.yaml')).toMatchObject({ ok: true, warnings: [] });
});

it('names commands that there are', async () => {
  const named = [...text.matchAll(/(?:medusa-gateway |`)app ([a-z]+)/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(8);
  for (const name of new Set(named)) {
    expect(await runInProcess(['app', name, '--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining(`app ${name}`),
    });
  }
});
