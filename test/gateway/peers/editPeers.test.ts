import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfiguration } from '../../../src/gateway/config/configuration.ts';
import { editYaml } from '../../../src/gateway/config/editYaml.ts';
import { additionOf, addPeer, removePeer, widenPeer } from '../../../src/gateway/peers/editPeers.ts';

const fingerprint = 'ab'.repeat(32);
const ct9 = additionOf('CT9', { addresses: ['10.0.0.9'], certificateFingerprints: [fingerprint] });
const add = (text: string, addition = ct9) => editYaml(text, (document) => addPeer(document, addition));
const widen = (text: string, addition: typeof ct9, index = 0) =>
  editYaml(text, (document) => widenPeer(document, index, addition, { calledAeTitles: ['MEDUSA'] }));

/** What `after` has more, and what it has less, than `before`. */
function difference(before: string, after: string) {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return { gone: old.filter((line) => !now.includes(line)), come: now.filter((line) => !old.includes(line)) };
}

const configFolder = fileURLToPath(new URL('../../../config/', import.meta.url));
const files = ['gateway.example.yaml', ...readdirSync(`${configFolder}examples`).map((name) => `examples/${name}`)];

describe('a new entry', () => {
  it.each(files)('leaves every other line of config/%s as it is', (name) => {
    const text = readFileSync(configFolder + name, 'utf8');
    const after = add(text);
    const [gone, come] = text.includes('peers: []') ? [['peers: []'], ['peers:']] : [[], []];
    expect(difference(text, after)).toEqual({
      gone,
      come: [
        ...come,
        '  - aeTitle: CT9',
        '    addresses: [10.0.0.9]',
        `    certificateFingerprints: ["${fingerprint}"]`,
      ],
    });
    expect(parseConfiguration(after, { file: configFolder + name })).toMatchObject({ ok: true });
    expect(parse(after).peers.at(-1)).toEqual({
      aeTitle: 'CT9',
      addresses: ['10.0.0.9'],
      certificateFingerprints: [fingerprint],
    });
  });

  const layouts: Array<[string, string]> = [
    ['no peers at all', '# mine\nsite: a   # keep\n'],
    ['no end of line', 'site: a'],
    ['an empty list', 'site: a\npeers: []   # nobody yet\nlog: { level: info }\n'],
    ['a key without a value', 'site: a\npeers:\nlog:   { level: info }\n'],
    ['a list in one line', 'site: a\npeers: [{ aeTitle: CT1 }, {aeTitle: "CT2"}] # two\nlog: { level: info }\n'],
    ['a list in several lines', 'site: a\npeers: [\n  { aeTitle: CT1 },\n]\nlog: { level: info }\n'],
    [
      'four spaces',
      'site: a\npeers:\n    -   aeTitle: CT1\n        priority: urgent # fast\n\n\n# log\nlog:\n    level: info\n',
    ],
    ['no indentation', 'site: a\npeers:\n- aeTitle: CT1 # one\n# - aeTitle: OLD\n\nlog:\n  level: info\n'],
    ['Windows ends of lines', 'site: a\r\npeers:\r\n  - aeTitle: CT1 # one\r\nlog: { level: info }\r\n'],
    [
      'empty lines and comments between',
      'site: a\n\n\n\npeers:\n\n  # one\n  - aeTitle: CT1\n\n\n  # two\n  - aeTitle: CT2\n\n\n# end\n',
    ],
    ['peers at the end with a comment behind', 'site: a\npeers:\n  - aeTitle: CT1\n# the end\n'],
    ['a long comment', `site: a # ${'long '.repeat(60)}\npeers:\n  - aeTitle: CT1\n`],
    ['an anchor', 'site: a\npeers:\n  - &ct { aeTitle: CT1 }\n'],
  ];

  it.each(layouts)('goes into a file with %s', (_what, text) => {
    const after = add(text);
    const before = parse(text) as { peers?: unknown[] };
    expect(parse(after)).toEqual({ ...before, peers: [...(before.peers ?? []), parse(after).peers.at(-1)] });
    expect(parse(after).peers.at(-1).aeTitle).toBe('CT9');
    for (const comment of text.match(/#.*?(?=\r?$)/gm) ?? []) expect(after).toContain(comment);
    const kept = text.split('\n').filter((line) => line !== '' && !/peers|aeTitle|\]/.test(line));
    for (const line of kept) expect(after.split('\n')).toContain(line);
    expect(after.includes('\r')).toBe(text.includes('\r'));
  });

  it('is refused where peers is something else, and nothing is changed', () => {
    for (const text of ['site: a\nx: &x []\npeers: *x\n', 'site: a\npeers: CT1\n']) {
      expect(() => add(text)).toThrow(/not written in a way that can be edited/);
    }
  });
});

describe('what a stranger may have chosen', () => {
  const hostile = [
    'true',
    'null',
    '~',
    '1',
    '1e3',
    '0x10',
    '1:20',
    '2026-01-01',
    '.inf',
    '- a',
    '? x',
    'a: b',
    'a #b',
    '#',
    '&a',
    '*',
    '*a',
    '!tag',
    '| x',
    '> x',
    '%TAG',
    '@x',
    '`x`',
    '{a}',
    '[a]',
    ']',
    '}',
    ',',
    '"',
    "'",
    "''",
    '""',
    '"x',
    "it's",
    'a"b',
    '---',
    '...',
    '$(id)',
    '<<',
    '=',
    '-',
    '--x',
    'peers:',
    'yes',
    'NO',
    'A  B',
  ];

  it.each(hostile)('is written so that it is read again as it was: %s', (aeTitle) => {
    for (const text of [
      'site: a\n',
      'site: a\npeers: [{ aeTitle: CT1 }]\n',
      'site: a\npeers:\n- aeTitle: CT1\nlog: {}\n',
    ]) {
      const after = add(text, additionOf(aeTitle, { calledAeTitles: [aeTitle] }));
      const parsed = parseConfiguration(after, { file: 'g.yaml' });
      expect(parsed).toMatchObject({ ok: true });
      if (parsed.ok) expect(parsed.config.peers.at(-1)).toMatchObject({ aeTitle, calledAeTitles: [aeTitle] });
      expect({ ...parse(after), peers: [] }).toEqual({ ...parse(text), peers: [] });
    }
  });

  it('never becomes keys of its own, line breaks included', () => {
    const text = 'site: a\npeers: []\n';
    for (const value of ['x\n  - aeTitle: "*"', 'x\r\nlimits: {}', 'x"\n#', '\u2028', '\u0085y', '\u0000']) {
      const after = add(text, additionOf(value));
      expect(parse(after)).toEqual({ site: 'a', peers: [{ aeTitle: value }] });
    }
  });
});

describe('an entry that is there', () => {
  const text = `site: a
peers:
  # the CT
  - aeTitle: CT1   # in room 1
    addresses:
      - 10.0.0.1 # old
    certificateFingerprints: ["${fingerprint.replace(/..(?!$)/g, '$&:').toUpperCase()}"]
  - { aeTitle: CT2 }
`;

  it('takes what is new, keeps what is there, and is never doubled', () => {
    const addition = additionOf('CT1', {
      addresses: ['10.0.0.1', '10.0.0.2'],
      certificateFingerprints: [fingerprint],
      calledAeTitles: ['OTHER'],
      priority: 'urgent',
    });
    const after = widen(text, addition);
    const [ct1, ct2] = parse(after).peers;
    expect(ct1).toMatchObject({
      addresses: ['10.0.0.1', '10.0.0.2'],
      calledAeTitles: ['MEDUSA', 'OTHER'],
      priority: 'urgent',
    });
    expect([ct1.certificateFingerprints.length, ct2]).toEqual([1, { aeTitle: 'CT2' }]);
    for (const line of text.trimEnd().split('\n')) expect(after.split('\n')).toContain(line);
    expect(widen(after, addition)).toBe(after);
  });

  it('can be written in one line', () => {
    const after = widen(text, additionOf('CT2', { addresses: ['10.0.0.2'] }), 1);
    expect(parse(after).peers[1]).toEqual({ aeTitle: 'CT2', addresses: ['10.0.0.2'] });
    expect(after).toContain('# in room 1');
  });

  it('can be removed, the last one too', () => {
    const one = editYaml(text, (document) => removePeer(document, 1));
    expect(parse(one).peers).toHaveLength(1);
    expect(one).toContain('  - aeTitle: CT1   # in room 1\n');
    expect(parse(editYaml(one, (document) => removePeer(document, 0)))).toEqual({ site: 'a', peers: [] });
  });
});
