import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblem, type Problem } from '../../../src/base/yaml/problem.ts';
import { loadConfiguration, parseConfiguration } from '../../../src/gateway/config/configuration.ts';

function problemsOf(text: string): Problem[] {
  const result = parseConfiguration(text, { file: 'g.yaml' });
  return result.ok ? [] : result.problems;
}

/** `line:column key: message | hint` */
const short = ({ line, column, key, message, hint }: Problem) =>
  `${line}:${column} ${key}: ${message}${hint === undefined ? '' : ` | ${hint}`}`;

const listener = 'site: a\nlisteners: [{ name: x, port: 1, plain: true }]';

describe('each kind of mistake', () => {
  it.each<[name: string, text: string, expected: string]>([
    ['nothing', '', '1:1 : the file is empty | start from config/gateway.example.yaml'],
    ['a list', '- a', '1:1 : has to be a section, not a list'],
    ['a key that comes twice', 'site: a\nsite: b', '2:1 : this key comes twice | remove one of the two'],
    ['a tab', 'site: a\nlimits:\n\tassociations: 1', '3:1 : a tab is used for indentation | indent with spaces'],
    [
      'two documents',
      'site: a\n---\nsite: b',
      '2:1 : the file holds more than one document | remove the line "---" and what follows it',
    ],
    ['an unknown key', 'site: a\nlisteers: []', '2:1 listeers: is not a known key | did you mean "listeners"?'],
    [
      'an unknown key below',
      'site: a\nspool:\n  quotta: 1GiB',
      '3:3 spool.quotta: is not a known key | did you mean "quota"?',
    ],
    [
      'a missing key',
      'aeTitle: A',
      '1:1 site: is required | use 1 to 63 characters: letters a-z, digits, hyphens, a letter or digit first',
    ],
    ['no value', 'site: a\nlimits:', '2:8 limits: has no value | give it one, or remove the key to take the default'],
    ['a number for a text', 'site: 12', '1:7 site: has to be a text, not a number | put it in quotes: "12"'],
    [
      'a text for a number',
      'site: a\napi: { port: "80" }',
      '2:14 api.port: has to be a number, not a text | a TCP port is a number up to 65535; 0 means any free one',
    ],
    [
      'a section for a list',
      'site: a\npeers: { aeTitle: X }',
      '2:1 peers: has to be a list, not a section | begin each entry of the list with "- "',
    ],
    [
      'a wrong word',
      'site: a\nlog: { level: wran }',
      '2:15 log.level: has to be debug or info or warn or error or silent | did you mean "warn"?',
    ],
    [
      'a wrong unit',
      'site: a\nlimits: { idleTimeout: 3 minutes }',
      '2:24 limits.idleTimeout: is not a duration | write a duration such as 500ms, 30s, 5min, 24h, 7d',
    ],
    [
      'no size',
      'site: a\nspool: { quota: lots }',
      '2:17 spool.quota: is not a size | write a number of bytes, or a size such as 512KiB, 128MiB, 20GB',
    ],
    [
      'a size too small',
      'site: a\nlimits: { maxPduLength: 1KiB }',
      '2:25 limits.maxPduLength: must be at least 4096 bytes | write a number of bytes, or a size such as 512KiB, 128MiB, 20GB',
    ],
    [
      'a number too large',
      'site: a\nlimits: { presentationContexts: 129 }',
      '2:33 limits.presentationContexts: must be at most 128',
    ],
    [
      'a wrong AE title',
      'site: a\naeTitle: "A\\\\B"',
      '2:10 aeTitle: is not an AE title | an AE title has 1 to 16 printable ASCII characters, no backslash, no space at its ends',
    ],
    [
      'a wrong network',
      'site: a\npeers: [{ aeTitle: X, addresses: [10.0.0.0/33] }]',
      '2:35 peers[0].addresses[0]: is not an address or network | write an address or a network such as 10.20.0.0/16, 192.168.1.7, fd00:1::/64',
    ],
    [
      'a host with a port',
      `${listener.replace('port: 1', 'port: 1, host: "h:80"')}`,
      '2:39 listeners[0].host: is not a host | write an IP address of this machine such as 10.1.2.3 or ::, or a host name; the port is a key of its own',
    ],
    [
      'an unknown kind of store',
      'site: a\nstores: [{ name: x, type: s4 }]',
      '2:27 stores[0].type: has to be directory or s3 | did you mean "s3"?',
    ],
    [
      'a prefix that climbs',
      'site: a\nstores: [{ name: x, type: directory, path: p, prefix: a/../b }]',
      '2:55 stores[0].prefix: is not a key prefix | write one or more folder names with slashes between, such as "medusa" or "radiology/edge"',
    ],
  ])('%s', (_name, text, expected) => {
    expect(problemsOf(text).map(short)).toEqual([expected]);
  });
});

describe('what does not fit together', () => {
  it.each<[name: string, text: string, expected: string]>([
    [
      'two listeners of one name',
      `${listener.slice(0, -1)}, { name: x, port: 2, plain: true }]`,
      '2:56 listeners[1].name: "x" is listeners[0] already | give each its own name',
    ],
    [
      'one AE title twice',
      'site: a\npeers: [{ aeTitle: X }, { aeTitle: X }]',
      '2:36 peers[1].aeTitle: "X" is peers[0] already | say all of one AE title in one entry',
    ],
    [
      'neither tls nor plain',
      'site: a\nlisteners: [{ name: x, port: 1 }]',
      '2:13 listeners[0]: has neither tls nor plain | add tls: with certificateFile, keyFile and clientCaFile, or say plain: true',
    ],
    [
      'tls and plain',
      'site: a\nlisteners: [{ name: x, port: 1, plain: true, tls: { certificateFile: a, keyFile: b, clientCaFile: c } }]',
      '2:33 listeners[0].plain: contradicts tls | remove one of the two, or make two listeners',
    ],
    [
      'no certificate at all',
      'site: a\nlisteners: [{ name: x, port: 1, tls: { clientCaFile: c } }]',
      '2:33 listeners[0].tls: has no certificate | add certificateFile and keyFile, or pkcs12File',
    ],
    [
      'half a pair',
      'site: a\nlisteners: [{ name: x, port: 1, tls: { certificateFile: a, clientCaFile: c } }]',
      '2:33 listeners[0].tls: has certificateFile but no keyFile | add keyFile',
    ],
    [
      'certificate and key said twice',
      'site: a\nlisteners: [{ name: x, port: 1, tls: { pkcs12File: p, keyFile: b, clientCaFile: c } }]',
      '2:55 listeners[0].tls.keyFile: contradicts pkcs12File | name either the PEM files or the PKCS #12 file',
    ],
    [
      'a passphrase for nothing',
      'site: a\nlisteners: [{ name: x, port: 1, tls: { pkcs12File: p, keyPassphrase: s, clientCaFile: c } }]',
      '2:55 listeners[0].tls.keyPassphrase: is for a keyFile, and there is none | remove it, or use pkcs12Passphrase',
    ],
    [
      'revocation lists of nobody',
      'site: a\nlisteners: [{ name: x, port: 1, tls: { pkcs12File: p, crlFile: r, requireClientCertificate: false } }]',
      '2:55 listeners[0].tls.crlFile: is of the authorities in clientCaFile, and there is none | add clientCaFile, or remove it',
    ],
    [
      'a small quota',
      'site: a\nspool: { quota: 511MiB }',
      '2:17 spool.quota: is less than 4 segments (536870912 bytes) | raise spool.quota or lower spool.segmentSize',
    ],
    [
      'a cap below the start',
      'site: a\ndelivery: { retry: { cap: 10ms } }',
      '2:27 delivery.retry.cap: is shorter than delivery.retry.initial',
    ],
    [
      'an unknown store',
      'site: a\nstores: [{ name: ceph, type: directory, path: p }]\nroutes: [{ name: r, store: cehp }]',
      '3:28 routes[0].store: there is no store "cehp" | did you mean "ceph"?',
    ],
    [
      'an unknown peer',
      'site: a\nstores: [{ name: s, type: directory, path: p }]\npeers: [{ aeTitle: CT1 }]\nroutes: [{ name: r, store: s, match: { peers: [CT2] } }]',
      '4:48 routes[0].match.peers[0]: there is no peer "CT2" | did you mean "CT1"?',
    ],
    [
      'parts larger than what is sent in parts',
      'site: a\nstores: [{ name: s, type: s3, endpoint: "http://x", bucket: abc, accessKeyId: i, secretAccessKey: j, partSize: 32MiB }]',
      '2:10 stores[0].multipartThreshold: is smaller than partSize | an object that is sent in parts has more than one: raise multipartThreshold',
    ],
    [
      'a long path',
      `site: a\nstateDirectory: /${'d'.repeat(99)}`,
      '2:17 stateDirectory: is too long: the socket in it may have a path of 107 bytes | take a shorter path',
    ],
  ])('%s', (_name, text, expected) => {
    expect(problemsOf(text).map(short)).toEqual([expected]);
  });

  it.each<[string, number, string, number, boolean]>([
    ['127.0.0.1', 1, '127.0.0.1', 1, true],
    ['127.0.0.1', 1, '127.0.0.1', 2, false],
    ['127.0.0.1', 0, '127.0.0.1', 0, false],
    ['127.0.0.1', 1, '127.0.0.2', 1, false],
    ['0.0.0.0', 1, '127.0.0.2', 1, true],
    ['127.0.0.1', 1, '::', 1, true],
    ['::1', 1, '0.0.0.0', 1, false],
  ])('%s port %d and %s port %d', (host, port, otherHost, otherPort, clash) => {
    const entry = (name: string, h: string, p: number) => `{ name: ${name}, host: "${h}", port: ${p}, plain: true }`;
    const text = `site: a\nlisteners: [${entry('x', host, port)}, ${entry('y', otherHost, otherPort)}]`;
    const taken = `listeners[1].port: ${otherHost} port ${otherPort} is taken by listeners[0]`;
    expect(problemsOf(text).map(({ key, message }) => `${key}: ${message}`)).toEqual(clash ? [taken] : []);
  });

  it('knows that the status page has an address, too', () => {
    const text = 'site: a\nlisteners: [{ name: x, port: 8104, plain: true }]';
    expect(problemsOf(text)).toMatchObject([{ key: 'api.port' }]);
    expect(problemsOf(`${text}\napi: { enabled: false }`)).toEqual([]);
  });

  it('lets a route name any sender when any may send', () => {
    const text =
      'site: a\nstores: [{ name: s, type: directory, path: p }]\npeers: [{ aeTitle: "*" }]\nroutes: [{ name: r, store: s, match: { peers: [CT2] } }]';
    expect(problemsOf(text)).toEqual([]);
  });
});

const manyMistakes = `site: Bad_Site
listeners:
  - { name: a, port: 1, plain: true }
  - { name: a, port: 70000, plian: true }
  - name: tls
    port: 3
    tls: { certificateFile: none.crt, keyFile: none.key, clientCaFile: none.ca }
peers: [{ aeTitle: CT1, priority: now }]
spool: { quota: 1GiB, segmentSize: 1GiB }
stores:
  - { name: s, type: s3, endpoint: x, bucket: abc, accessKeyId: i, secretAccessKey: { env: NONE } }
routes:
  - { name: r, store: t }
  - { name: r2, store: s, match: { peers: [CT1] } }
`;

it('all mistakes come at once: of the schema, of the meaning, of the files; what is right beside them is believed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'medusa-config-'));
  writeFileSync(join(folder, 'g.yaml'), manyMistakes);
  const result = loadConfiguration(join(folder, 'g.yaml'), {});
  expect(result.ok ? [] : result.problems.map(({ line, key }) => `${line} ${key}`)).toEqual([
    '1 site',
    '4 listeners[1].name',
    '4 listeners[1].port',
    '4 listeners[1].plian',
    '7 listeners[2].tls.certificateFile',
    '7 listeners[2].tls.keyFile',
    '7 listeners[2].tls.clientCaFile',
    '8 peers[0].priority',
    '9 spool.quota',
    '11 stores[0].endpoint',
    '13 routes[0].store',
  ]);
});

it('reads like a compiler, for editors that jump to it', () => {
  const [problem] = problemsOf('site: a\nlisteers: []');
  expect(problem && formatProblem(problem)).toBe(
    'g.yaml:2:1: listeers: is not a known key\n    did you mean "listeners"?',
  );
});

it('an alias bomb is refused', () => {
  const rows = Array.from({ length: 12 }, (_, i) => `x${i + 1}: &x${i + 1} [${Array(12).fill(`*x${i}`).join(', ')}]`);
  expect(problemsOf(`x0: &x0 [a, b]\n${rows.join('\n')}\n`)).toHaveLength(1);
});

it('no text at all makes it throw, and every problem has a place in the text', () => {
  const pieces = fc.constantFrom(
    'site: a',
    'peers:',
    '- ',
    '  ',
    '\n',
    '*a',
    '&a ',
    '{',
    '[',
    ']',
    '}',
    ': ',
    '"',
    '|',
    '? ',
    '\t',
    '#',
    '!!binary ',
    'stores: [{type: s3}]',
    '<<: ',
    '\u0000',
    '1',
    'null',
    '~',
    'é',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      const lines = text.split('\n').length + 1;
      for (const { line, column, message } of problemsOf(text)) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(message).not.toBe('');
      }
    }),
    { numRuns: 500 },
  );
});
