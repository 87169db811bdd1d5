import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runCli } from '../../src/gateway/cli/program.ts';
import { dependencies } from '../../src/gateway/cli/wiring.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const guide = read('tls.md');

it('docs/tls.md names only log events that there are', () => {
  const [, troubles = ''] = guide.split('## When it does not work');
  const named = [...troubles.matchAll(/`((?:tls|listener|association)\.[a-z-]+)`/g)].map(([, event]) => event);
  expect(named.length).toBeGreaterThan(7);
  const known = read('operating.md');
  expect(named.filter((event) => !known.includes(`| \`${event}\` |`))).toEqual([]);
});

it('docs/tls.md names only commands and options that there are', async () => {
  const written = [...guide.matchAll(/`?(?:medusa-gateway )?identity ([a-z0-9-]+)([^`\n]*)/g)];
  expect(written.length).toBeGreaterThan(10);
  for (const [whole, name = '', rest = ''] of written) {
    let help = '';
    const write = (text: string) => {
      help += text;
    };
    const code = await runCli(['identity', name, '--help'], dependencies, { version: '', write, writeError: write });
    expect([code, help], whole).toEqual([0, expect.stringContaining(`Usage: medusa-gateway identity ${name}`)]);
    for (const [option] of rest.split(/\. |\) /)[0]?.matchAll(/--[a-z-]+/g) ?? [])
      expect(help, whole).toContain(option);
  }
});
