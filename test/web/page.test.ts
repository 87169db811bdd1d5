import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { html } from '../../src/web/html.ts';
import { pagePolicy, renderPage } from '../../src/web/page.ts';
import { sampleStatus } from './sampleStatus.ts';

it('shows what matters', () => {
  const page = renderPage(sampleStatus());
  for (const text of [
    'clinic-north',
    'CT1',
    'A store cannot be reached',
    'for 10 min',
    '25 %',
    '1 234',
    'next attempt in 30 s',
    '0.0.0.0:2762',
  ]) {
    expect(page).toContain(text);
  }
  expect(renderPage(sampleStatus({ warnings: [] }))).toContain('All is well');
});

it('has no script and is fresh every few seconds', () => {
  const page = renderPage(sampleStatus());
  expect(page).toContain('http-equiv="refresh"');
  expect(page).not.toMatch(/<script|javascript:| on[a-z]+="/i);
});

it('may load its own style by the policy that goes with it', () => {
  const style = /<style>([\s\S]*?)<\/style>/.exec(renderPage(sampleStatus()))?.[1] ?? '';
  const digest = createHash('sha256').update(style).digest('base64');
  expect(pagePolicy).toContain(`style-src 'sha256-${digest}'`);
  expect(pagePolicy).toContain("default-src 'none'");
});

it('escapes whatever it is given, wherever it stands', () => {
  const evil = `<img src=x onerror=alert(1)>"'&`;
  const [listener] = sampleStatus().listeners;
  const [peer] = sampleStatus().peers;
  const [store] = sampleStatus().stores;
  const [warning] = sampleStatus().warnings;
  if (!listener || !peer || !store || !warning) throw new Error('the sample has lost a part');
  const page = renderPage(
    sampleStatus({
      ...{ site: evil, version: evil, aeTitle: evil },
      listeners: [{ ...listener, name: evil, address: evil }],
      peers: [{ ...peer, aeTitle: evil }],
      spool: { ...sampleStatus().spool, refusing: true, reason: evil },
      stores: [{ ...store, name: evil, lastError: { code: evil, message: evil, at: 0 } }],
      warnings: [{ ...warning, title: evil, text: evil, hint: evil }],
    }),
  );
  expect(page).not.toContain('<img');
  expect(page.split('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;').length - 1).toBe(13);
});

it('text in a template never becomes markup', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const written = html`<p title="${text}">${[text, html`<b>${text}</b>`]}</p>`.text;
      const markup = written.replaceAll(/&(amp|lt|gt|quot|#39);/g, '').match(/[<>"'&]/g);
      expect(markup?.join('')).toBe('<""><><><>');
    }),
  );
});
