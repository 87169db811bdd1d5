import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;

/** Event names in the sources: the first argument of a log call, or of a table of TLS explanations. */
function eventsInSources(): Set<string> {
  const events = new Set<string>();
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const [, event] of text.matchAll(/\.(?:debug|info|warn|error)\(\s*'([a-z]+\.[a-z-]+)'/g))
      events.add(event ?? '');
    for (const [, event] of text.matchAll(/\[\s*'((?:tls|listener)\.[a-z-]+)',/g)) events.add(event ?? '');
  }
  return events;
}

function eventsInGuide(): Set<string> {
  const guide = readFileSync(join(root, 'docs/operating.md'), 'utf8');
  return new Set([...guide.matchAll(/^\| `([a-z]+\.[a-z-]+)` \|/gm)].map(([, event]) => event ?? ''));
}

describe('operator guide', () => {
  test('explains every event that the sources log, and none that they do not', () => {
    const inSources = eventsInSources();
    expect(inSources.size).toBeGreaterThan(40);
    expect([...eventsInGuide()].sort()).toEqual([...inSources].sort());
  });
});
