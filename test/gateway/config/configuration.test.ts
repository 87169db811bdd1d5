import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfiguration, parseConfiguration } from '../../../src/gateway/config/configuration.ts';
import { knownKeys } from '../../../src/gateway/config/jsonSchema.ts';
import { absolutePaths } from '../../../src/gateway/config/paths.ts';
import { createTestPki } from '../../support/certificates.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function parsed(text: string, file = '/etc/medusa/gateway.yaml') {
  const result = parseConfiguration(text, { file });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

function load(text: string, environment: NodeJS.ProcessEnv = {}) {
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, text);
  return loadConfiguration(file, environment);
}

function problemsOf(text: string, environment?: NodeJS.ProcessEnv) {
  const result = load(text, environment);
  return result.ok ? [] : result.problems.map(({ key, message }) => `${key}: ${message}`);
}

const MiB = 2 ** 20;

describe('what is left out', () => {
  it('takes its default, in bytes and milliseconds', () => {
    expect(parsed('site: a')).toMatchObject({
      site: 'a',
      aeTitle: 'MEDUSA',
      stateDirectory: '/var/lib/medusa-gateway',
      listeners: [],
      peers: [],
      limits: {
        associations: 128,
        associationsPerPeer: 64,
        maxPduLength: 131_072,
        presentationContexts: 128,
        associateRequestBytes: 256 * 1024,
        artimTimeout: 30_000,
        idleTimeout: 60_000,
        instanceBytes: 16 * 1024 * MiB,
        associationBytes: Number.POSITIVE_INFINITY,
      },
      spool: { segmentSize: 128 * MiB, quota: 20_480 * MiB, keepDelivered: 86_400_000, bufferMemory: 64 * MiB },
      study: { quietSeconds: 60 },
      stores: [],
      routes: [],
      delivery: { concurrency: 8, retry: { initial: 1000, cap: 300_000 }, quarantineAfter: 10 },
      api: { enabled: true, host: '127.0.0.1', port: 8104 },
      log: { level: 'info' },
    });
  });

  it('takes its default beside what is said, in the same section', () => {
    const { limits } = parsed('site: a\nlimits: { idleTimeout: 5min }');
    expect(limits).toMatchObject({ idleTimeout: 300_000, artimTimeout: 30_000 });
  });

  it('is left out in lists, too', () => {
    const { listeners, peers } = parsed(
      'site: a\nlisteners: [{ name: x, port: 0, plain: true }]\npeers: [{ aeTitle: CT1 }]',
    );
    expect(listeners).toEqual([{ name: 'x', host: '127.0.0.1', port: 0, plain: true }]);
    expect(peers).toEqual([{ aeTitle: 'CT1', priority: 'normal' }]);
  });
});

it('is frozen to the bottom', () => {
  const config = parsed('site: a\npeers: [{ aeTitle: CT1, addresses: [10.0.0.0/8] }]');
  const loose: { limits: { associations: number }; peers: Array<{ addresses?: string[] }> } = JSON.parse('{}');
  Object.assign(loose, config);
  expect(() => {
    loose.limits.associations = 1;
  }).toThrow(TypeError);
  expect(() => loose.peers[0]?.addresses?.push('0.0.0.0/0')).toThrow(TypeError);
});

it('writes fingerprints in one form', () => {
  const colons = 'AB:'.repeat(32).slice(0, -1);
  const [peer] = parsed(`site: a\npeers: [{ aeTitle: CT1, certificateFingerprints: ["${colons}"] }]`).peers;
  expect(peer?.certificateFingerprints).toEqual(['ab'.repeat(32)]);
});

describe('relative paths', () => {
  it('start at the folder of the file', () => {
    const text = `
site: a
stateDirectory: state
listeners: [{ name: x, port: 1, tls: { certificateFile: a.crt, keyFile: ../a.key, clientCaFile: /ca } }]
stores:
  - { name: d, type: directory, path: out }
  - { name: s, type: s3, endpoint: "http://x", bucket: abc, accessKeyId: i, secretAccessKey: { file: s }, caFile: c }
`;
    expect(parsed(text)).toMatchObject({
      stateDirectory: '/etc/medusa/state',
      listeners: [{ tls: { certificateFile: '/etc/medusa/a.crt', keyFile: '/etc/a.key', clientCaFile: '/ca' } }],
      stores: [{ path: '/etc/medusa/out' }, { secretAccessKey: { file: '/etc/medusa/s' }, caFile: '/etc/medusa/c' }],
    });
  });

  it('are made absolute for every key that the schema calls a path', () => {
    const made = absolutePaths(
      {
        stateDirectory: 'relative',
        listeners: [
          {
            name: 'x',
            host: 'h',
            port: 1,
            tls: {
              certificateFile: 'relative',
              keyFile: 'relative',
              pkcs12File: 'relative',
              clientCaFile: 'relative',
              crlFile: 'relative',
              requireClientCertificate: true,
              minVersion: 'TLSv1.2' as const,
            },
          },
        ],
        peers: [
          {
            aeTitle: 'CT1',
            priority: 'normal' as const,
            userIdentity: { user: 'u' },
            storageCommitment: {
              ...{ means: 'spooled' as const, sameAssociation: false },
              report: {
                ...{ host: 'h', port: 1 },
                tls: { caFile: 'relative', certificateFile: 'relative', keyFile: 'relative' },
              },
            },
          },
        ],
        applications: { directory: 'relative' },
        stores: [
          { name: 'd', type: 'directory' as const, path: 'relative', prefix: 'p' },
          {
            ...{ name: 's', type: 's3' as const, endpoint: '', region: '', bucket: '', prefix: '', accessKeyId: '' },
            ...{ secretAccessKey: '', pathStyle: true, caFile: 'relative', multipartThreshold: 1, partSize: 1 },
          },
        ],
      },
      '/base',
    );
    const absolute = JSON.stringify(made).match(/\/base\/relative/g) ?? [];
    expect(absolute).toHaveLength(knownKeys().filter((key) => key.isPath).length);
    expect(JSON.stringify(made)).not.toContain('"relative"');
  });
});

describe('secrets', () => {
  const withSecret = (secret: string) =>
    `site: a\nstores: [{ name: s, type: s3, endpoint: "http://x", bucket: abc, accessKeyId: i, secretAccessKey: ${secret} }]`;
  const secretOf = (secret: string, environment?: NodeJS.ProcessEnv) => {
    const result = load(withSecret(secret), environment);
    const [store] = result.ok ? result.config.stores : [];
    return store?.type === 's3' ? store.secretAccessKey : undefined;
  };

  it('are taken from their place', () => {
    writeFileSync(join(folder, 'secret'), 'from a file\n');
    expect(secretOf('"in place"')).toBe('in place');
    expect(secretOf('{ env: STORE_KEY }', { STORE_KEY: 'from outside' })).toBe('from outside');
    expect(secretOf('{ file: secret }')).toBe('from a file');
  });

  it('that are not there are problems, which do not show others', () => {
    writeFileSync(join(folder, 'empty'), '\n');
    const at = 'stores[0].secretAccessKey';
    expect(problemsOf(withSecret('{ env: STORE_KEY }'))).toEqual([`${at}: environment variable STORE_KEY is not set`]);
    expect(problemsOf(withSecret('{ file: none }'))).toEqual([`${at}: file "${join(folder, 'none')}" does not exist`]);
    expect(problemsOf(withSecret('{ file: empty }'))).toEqual([`${at}: file "${join(folder, 'empty')}" is empty`]);
    expect(JSON.stringify(load(withSecret('[hunter2]')))).not.toContain('hunter2');
  });

  it('are not looked for by the pure parser', () => {
    expect(parsed(withSecret('{ env: STORE_KEY }')).stores).toMatchObject([{ secretAccessKey: { env: 'STORE_KEY' } }]);
  });
});

describe('TLS files', () => {
  const listener = (files: { certificateFile: string; keyFile: string; clientCaFile: string }) =>
    `site: a\nlisteners: [{ name: x, port: 0, tls: ${JSON.stringify(files)} }]`;

  it('that belong together are taken, with the chain behind the certificate', async () => {
    const { server, caFile } = await createTestPki(join(folder, 'tls'));
    const certificateFile = join(folder, 'chain.pem');
    writeFileSync(certificateFile, readFileSync(server.certificateFile, 'utf8') + readFileSync(caFile, 'utf8'));
    expect(problemsOf(listener({ certificateFile, keyFile: server.keyFile, clientCaFile: caFile }))).toEqual([]);
  });

  it('that do not exist, cannot be parsed or do not belong together are problems at their keys', async () => {
    const { server, client } = await createTestPki(join(folder, 'tls'));
    const { certificateFile, keyFile } = server;
    const junk = join(folder, 'junk');
    writeFileSync(junk, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const at = 'listeners[0].tls';
    expect(problemsOf(listener({ certificateFile, keyFile: client.keyFile, clientCaFile: junk }))).toEqual([
      `${at}.keyFile: is not the key of the first certificate in certificateFile`,
      `${at}.clientCaFile: "${junk}" holds a certificate that cannot be parsed`,
    ]);
    expect(problemsOf(listener({ certificateFile: folder, keyFile: certificateFile, clientCaFile: keyFile }))).toEqual([
      `${at}.certificateFile: "${folder}" is a folder`,
      `${at}.keyFile: "${certificateFile}" holds no PEM private key`,
      `${at}.clientCaFile: "${keyFile}" holds no PEM certificate`,
    ]);
  });

  it('with an encrypted key are refused with what mends it', async () => {
    const { server } = await createTestPki(join(folder, 'tls'));
    const keyFile = join(folder, 'encrypted.key');
    writeFileSync(keyFile, '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n');
    const result = load(listener({ certificateFile: server.certificateFile, keyFile, clientCaFile: server.caFile }));
    const hint = 'decrypt it with: openssl pkey -in FILE -out NEW';
    expect(result).toMatchObject({ ok: false, problems: [{ message: `the key in "${keyFile}" is encrypted`, hint }] });
  });
});

it('a file that cannot be read is a problem, not an exception', () => {
  const result = loadConfiguration(join(folder, 'none.yaml'));
  expect(result).toMatchObject({ ok: false, problems: [{ line: 0, message: 'the file does not exist' }] });
  expect(loadConfiguration(folder)).toMatchObject({
    ok: false,
    problems: [{ line: 0, message: expect.stringContaining('cannot be read') }],
  });
});
