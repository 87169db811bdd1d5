/** The `identity` commands as an administrator types them, up to a TLS handshake with a gateway that uses what they made. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { GatewayProcess } from '../../support/gatewayProcess.ts';
import { HospitalAuthority, openssl } from '../identity/openssl.ts';
import { type Ended, runProgram } from './cli.ts';

let folder: string;
let config: string;
const base = 'site: clinic\nstateDirectory: state\nspool: { quota: 64MiB, segmentSize: 4MiB }\napi: { port: 0 }\n';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-identity-'));
  config = join(folder, 'gateway.yaml');
  writeFileSync(config, base);
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);
const identity = (...args: string[]) => runProgram(['identity', ...args, '--config', config]);

async function succeed(...args: string[]): Promise<Ended> {
  const ended = await identity(...args);
  expect(ended.code, ended.err).toBe(0);
  return ended;
}

/** Asks the listener for its certificate, as a sender would that trusts `caFile`. */
function handshake(port: number, caFile: string): string {
  const checks = ['-verify_return_error', '-verify_ip', '127.0.0.1'];
  return openssl(['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', caFile, ...checks]).toString();
}

async function withGateway<T>(work: (port: number) => T): Promise<T> {
  const gateway = new GatewayProcess({ config, stateDirectory: path('state'), log: path('log') });
  try {
    const { listeners } = await gateway.ready();
    return work(Number(listeners[0]?.address.split(':').at(-1)));
  } finally {
    await gateway.stop();
  }
}

it('from nothing to the certificate of an authority', async () => {
  const nothing = await identity('show');
  expect(nothing.code).toBe(1);
  expect(nothing.out).toContain(`medusa-gateway identity init --config ${config}`);

  const made = await succeed('init', '--name', 'gateway.example.org', '127.0.0.1');
  expect(made.out).toMatch(/^Made the key and the certificate\.$/m);
  expect(made.out).toMatch(/^names: +gateway\.example\.org, 127\.0\.0\.1$/m);
  expect(made.out).toMatch(/^SHA-256: +([0-9A-F]{2}:){31}[0-9A-F]{2}$/m);

  expect(parse(made.out.slice(made.out.indexOf('listeners:'), made.out.indexOf('\nSenders have to')))).toEqual({
    listeners: [
      {
        ...{ name: 'dicom-tls', host: '0.0.0.0', port: 2762 },
        tls: { certificateFile: path('state/identity/tls.crt'), keyFile: path('state/identity/tls.key') },
      },
    ],
  });
  expect(made.out).toContain(`then: medusa-gateway peers learn --config ${config}`);

  // The lines that were printed, on a free port and open to openssl, which shows no certificate, are a configuration that runs.
  const printed = made.out.slice(made.out.indexOf('listeners:'), made.out.indexOf('\nSenders have to'));
  const open = printed.replace(/(\n +)keyFile:/, '$1requireClientCertificate: false$&');
  writeFileSync(config, base + open.replace('port: 2762', 'port: 0').replace('0.0.0.0', '127.0.0.1'));
  writeFileSync(path('trust.pem'), (await succeed('show', '--pem')).out);
  expect(await withGateway((port) => handshake(port, path('trust.pem')))).toContain('Verify return code: 0 (ok)');
  expect((await succeed('init')).out).toContain('All was there already.');

  const subject = 'CN=gateway.example.org, O=Clinic North, C=DE';
  const asked = await succeed('csr', '--subject', subject, '--output', path('gateway.csr'));
  expect(asked.err).toContain('identity import');
  expect((await identity('csr', '--output', path('gateway.csr'))).code).toBe(1);

  const authority = new HospitalAuthority(path('authority'));
  const issued = authority.issue('gateway', { request: path('gateway.csr') });
  const chain = [authority.root, authority.intermediate].map(({ certificate }) => certificate);
  const installed = await succeed('import', ...chain, issued.certificate);
  expect(installed.out).toMatch(/^Installed, for the key here\.$/m);
  expect(installed.out).toMatch(/^chain: +CN=intermediate.*\nchain: +CN=root/m);
  expect(await withGateway((port) => handshake(port, authority.root.certificate))).toContain('Verify return code: 0');

  const shown = await succeed('show');
  expect(shown.out).toContain('this certificate; its files fit together');
  expect((await succeed('show', '--pem')).out).toBe(readFileSync(authority.root.certificate, 'utf8'));
  expect((await succeed('rollback')).out).toContain('itself (self-signed)');
}, 60_000);

describe('init', () => {
  it('prints a mutual configuration when it is told the authority of the senders', async () => {
    const { out } = await succeed('init', '--client-ca', '/etc/ca: 1.pem', '--json');
    const { configuration, keyFile, certificateFile } = JSON.parse(out);
    expect(parse(configuration).listeners[0].tls).toEqual({
      certificateFile,
      keyFile,
      clientCaFile: '/etc/ca: 1.pem',
    });
  });

  it('refuses a name that is none, and makes nothing', async () => {
    const refused = await identity('init', '--name', 'https://gateway');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('without port or URL');
    expect((await identity('show')).out).toMatch(/^key: +none$/m);
  });

  it('wants a sensible number of days', async () => {
    expect((await identity('init', '--days', '0')).code).toBe(2);
  });

  it('says what is wrong with the configuration', async () => {
    writeFileSync(config, `${base}listeners: [{ name: x, port: 1 }]\n`);
    const refused = await identity('init');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('has neither tls nor plain');
  });
});

describe('import', () => {
  function keyStore(): string {
    const authority = new HospitalAuthority(path('authority'));
    const { key, certificate } = authority.issue('own');
    const pack = ['pkcs12', '-export', '-inkey', key, '-in', certificate, '-passout', 'pass:geheim'];
    writeFileSync(path('own.p12'), openssl(pack));
    return path('own.p12');
  }

  it('takes the passphrase from a file or the environment, and asks nobody who is not there', async () => {
    const file = keyStore();
    const unasked = await identity('import', file);
    expect([unasked.code, unasked.out]).toEqual([2, '']);
    expect(unasked.err).toContain('--passphrase-file');

    writeFileSync(path('wrong'), 'falsch\n');
    const wrong = await identity('import', file, '--passphrase-file', path('wrong'), '--json');
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.out)).toMatchObject({ ok: false, error: { code: 'pkcs12.passphrase', subject: file } });

    writeFileSync(path('right'), 'geheim\r\n');
    const right = await succeed('import', file, '--passphrase-file', path('right'));
    expect(right.out).toContain('Installed, with the key that came with it.');
    const args = ['identity', 'import', file, '--passphrase-env', 'PASSPHRASE', '--config', config, '--json'];
    const again = await runProgram(args, { PASSPHRASE: 'geheim' });
    expect(JSON.parse(again.out)).toMatchObject({ ok: true, newKey: false, unchanged: true });
    expect((await identity('import', file, '--passphrase-env', 'PASSPHRASE')).code).toBe(2);
  });

  it('names a file that is not there', async () => {
    expect(await identity('import', path('none'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('none cannot be read'),
    });
  });
});

describe('show', () => {
  it('finds files of a listener that do not fit together', async () => {
    await succeed('init');
    mkdirSync(path('tls'));
    const key = new HospitalAuthority(path('authority')).makeKey('other', 'ec');
    const tls = `{ certificateFile: state/identity/tls.crt, keyFile: ${key}, requireClientCertificate: false }`;
    writeFileSync(config, `${base}listeners: [{ name: dicom, port: 0, tls: ${tls} }]\n`);
    const shown = await identity('show');
    expect(shown.code).toBe(1);
    expect(shown.out).toMatch(/listener dicom on 127\.0\.0\.1:0: .*NOT fit for use\n {2}keyFile: is not the key/);
    const { ok, listeners } = JSON.parse((await identity('show', '--json')).out);
    expect([ok, listeners.length, listeners[0].problems.length]).toEqual([false, 1, 1]);
  });

  it('finds files that are not there', async () => {
    const tls = '{ certificateFile: none.crt, keyFile: none.key, requireClientCertificate: false }';
    writeFileSync(config, `${base}listeners: [{ name: dicom, port: 0, tls: ${tls} }]\n`);
    const shown = await identity('show');
    expect(shown.code).toBe(1);
    expect(shown.out).toContain('none.crt" does not exist');
  });
});
