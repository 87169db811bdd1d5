import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../gateway/cli/cli.ts';
import { dcmtkMissing } from '../support/dcmtkPeers.ts';
import { missingPackages } from '../support/debianPackages.ts';
import { orthancMissing } from '../support/orthancServer.ts';
import { blocksOf, pageText, SenderPage } from './senderPage.ts';

const folder = new URL('../../docs/senders/', import.meta.url).pathname;
const pages = readdirSync(folder).map((file) => file.replace('.md', ''));
const tools = missingPackages([
  { program: 'curl', package: 'curl' },
  { program: 'openssl', package: 'openssl' },
]);

/** First cells of the table "If you see this": what the sender says, in code marks. */
const wordsOf = (page: string) =>
  [...pageText(page).matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, words]) => words ?? ''),
  );

test('there is a page for each usual sender', () => {
  expect(pages.sort()).toEqual(['dcm4chee', 'dcmtk', 'orthanc', 'pacs']);
});

describe.each(pages)('%s.md', (page) => {
  test('names only log events that the operator guide explains, and commands that there are', async () => {
    const guide = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
    const text = pageText(page);
    const events = [...text.matchAll(/`((?:tls|listener|association|commitment|instance)\.[a-z-]+)`/g)];
    for (const [, event] of events) expect(guide, event).toContain(`| \`${event}\` |`);
    const commands = [...text.matchAll(/medusa-gateway ([a-z]+)((?: [a-z]+)?)/g)].map(([, name = '', sub = '']) =>
      ['identity', 'peers'].includes(name) ? [name, sub.trim()] : [name],
    );
    const known = new Set((await Promise.all([[], ['identity'], ['peers']].map(commandsOf))).flat());
    expect(commands.filter((command) => !known.has(command.join(' ')))).toEqual([]);
    expect(text).toMatch(/## If you see this/);
  });
});

async function commandsOf(parent: string[]): Promise<string[]> {
  const { out } = await runProgram([...parent, '--help']);
  const list = /Commands:\n([\s\S]*?)(?:\n\n|$)/.exec(out)?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => [...parent, name].join(' '));
}

describe.skipIf(dcmtkMissing() ?? tools)('dcmtk.md, typed as it stands', () => {
  const page = new SenderPage();
  beforeAll(() => page.open());
  afterAll(() => page.close());

  test('connects, sends with and without TLS, and has it committed', { timeout: 120_000 }, async () => {
    await page.runAll(pageText('dcmtk'));
    const printed = page.outputs.join('\n');
    expect(printed.match(/Received Echo Response \(Success\)/g)).toHaveLength(2);
    expect(printed).toMatch(/Received Store Response \(Success\)/);
    expect(printed).toContain('1 of 1 committed');
    expect(page.log()).toContain('"peer":"CT1"');
    expect(page.log()).toContain('"peer":"OLD_CT"');
  });

  const tls = '+tls ct1.key ct1.crt +cf gateway.pem';
  const address = 'gateway.example.org 2762';
  test.each([
    ['Calling AE Title Not Recognized', `echoscu ${tls} -aet CT2 -aec MEDUSA ${address}`, 'association.rejected'],
    ['Called AE Title Not Recognized', `echoscu ${tls} -aet CT1 -aec OTHER ${address}`, 'association.rejected'],
    [
      'Peer aborted Association (or never connected)',
      `openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=x -keyout x.key -out x.crt
       echoscu +tls x.key x.crt +cf gateway.pem -aet CT1 -aec MEDUSA ${address}`,
      'tls.client-certificate-refused',
    ],
    [
      'Peer aborted Association (or never connected)',
      `echoscu +tla +cf gateway.pem -aet CT1 -aec MEDUSA ${address}`,
      'tls.no-client-certificate',
    ],
    [
      'Peer aborted Association (or never connected)',
      `echoscu -aet CT1 -aec MEDUSA ${address}`,
      'listener.plain-on-tls-port',
    ],
    [
      'TLS error: unexpected eof while reading',
      `echoscu ${tls} -aet CT1 -aec MEDUSA gateway.example.org 11112`,
      'listener.tls-on-plain-port',
    ],
    [
      'certificate verify failed',
      `echoscu +tls ct1.key ct1.crt +cf ct1.crt -aet CT1 -aec MEDUSA ${address}`,
      undefined,
    ],
    ['Connection refused', `echoscu -aet CT1 -aec MEDUSA gateway.example.org 1`, undefined],
  ])('says "%s" where the page says so', async (words, command, event) => {
    expect(wordsOf('dcmtk')).toContain(words);
    const before = page.log().length;
    const { status, output } = await page.command(command);
    expect(status).not.toBe(0);
    expect(output).toContain(words);
    if (event) await expect.poll(() => page.log().slice(before), { timeout: 10_000 }).toContain(`"event":"${event}"`);
  });
});

describe.skipIf(orthancMissing() ?? tools)('orthanc.md, typed as it stands', () => {
  const page = new SenderPage();
  beforeAll(() => page.open());
  afterAll(() => page.close());

  test('connects, sends, and has it committed', { timeout: 120_000 }, async () => {
    await page.runAll(pageText('orthanc'));
    const printed = page.outputs.join('\n');
    expect(printed).toContain('"FailedInstancesCount" : 0');
    expect(printed).toContain('"Status" : "Success"');
    expect(page.log()).toContain('"event":"commitment.reported"');
  });

  const modality = (keys: string) => `curl -sS -X PUT http://localhost:8042/modalities/other -d '{ ${keys} }'
    curl -sS http://localhost:8042/modalities/other/echo -d '{}' > answer; cat answer; ! grep -q HttpError answer`;
  const host = '"Host": "gateway.example.org"';
  test.each([
    [
      'DUL Association Rejected',
      modality(`"AET": "OTHER", ${host}, "Port": 2762, "UseDicomTls": true`),
      'association.rejected',
    ],
    [
      'Peer aborted Association (or never connected)',
      modality(`"AET": "MEDUSA", ${host}, "Port": 2762`),
      'listener.plain-on-tls-port',
    ],
    ['Connection refused', modality(`"AET": "MEDUSA", ${host}, "Port": 1`), undefined],
  ])('says "%s" where the page says so', async (words, command, event) => {
    expect(wordsOf('orthanc')).toContain(words);
    const before = page.log().length;
    const { status, output } = await page.command(command);
    expect(status).not.toBe(0);
    expect(output).toContain(words);
    if (event) await expect.poll(() => page.log().slice(before), { timeout: 10_000 }).toContain(`"event":"${event}"`);
  });
});

test('blocks are found in a page, whatever is in them', () => {
  expect(blocksOf('a\n```sh\nx\n  y\n```\nb\n```yaml\nz: 1\n```\n')).toEqual([
    { language: 'sh', text: 'x\n  y\n' },
    { language: 'yaml', text: 'z: 1\n' },
  ]);
});
