/** Authorities, certificates and revocation lists as the real openssl makes them, for what test/support/certificates.ts has not. */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Pair = { certificate: string; key: string; certificateFile: string; keyFile: string; fingerprint: string };
export type KeyKind = 'ec' | 'rsa' | 'rsa1024';

const keyArguments: Record<KeyKind, string[]> = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
  rsa1024: ['-newkey', 'rsa:1024'],
};

const at = (time: number) => `${new Date(time).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
const day = 86_400_000;

export type Validity = { from?: number; to?: number };

export class OpensslPki {
  readonly folder = mkdtempSync(join(tmpdir(), 'openssl-pki-'));

  run(...args: string[]): string {
    return execFileSync('openssl', args, { stdio: 'pipe', cwd: this.folder }).toString();
  }

  #pair(name: string): Pair {
    const certificateFile = join(this.folder, `${name}.pem`);
    const keyFile = join(this.folder, `${name}.key`);
    const certificate = readFileSync(certificateFile, 'utf8');
    const fingerprint = createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
    return { certificate, key: readFileSync(keyFile, 'utf8'), certificateFile, keyFile, fingerprint };
  }

  selfSigned(name: string, options: { kind?: KeyKind; subject?: string[] } = {}): Pair {
    const subject = options.subject ?? ['-subj', `/CN=${name}`];
    this.run(
      ...['req', '-x509', ...keyArguments[options.kind ?? 'ec'], '-nodes', '-days', '10'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`, ...subject],
    );
    return this.#pair(name);
  }

  /** `authority`: signs it, with validity of your choice; by itself when left out. */
  authority(name: string): OpensslAuthority {
    return new OpensslAuthority(this, name);
  }

  request(name: string, kind: KeyKind): void {
    this.run(
      'req',
      '-new',
      ...keyArguments[kind],
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
  }

  pairOf(name: string): Pair {
    return this.#pair(name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class OpensslAuthority {
  readonly #pki: OpensslPki;
  readonly #name: string;
  readonly certificate: string;
  readonly certificateFile: string;

  constructor(pki: OpensslPki, name: string) {
    this.#pki = pki;
    this.#name = name;
    const folder = join(pki.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(join(folder, 'serial'), '1000\n');
    writeFileSync(join(folder, 'crlnumber'), '01\n');
    writeFileSync(
      join(pki.folder, `${name}.cnf`),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${name}/index.txt\nserial=${name}/serial\ncrlnumber=${name}/crlnumber\nnew_certs_dir=${name}
certificate=${name}.pem\nprivate_key=${name}.key\ndefault_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=leaf\n[p]\ncommonName=supplied
[leaf]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth
subjectAltName=IP:127.0.0.1,DNS:localhost\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n`,
    );
    pki.run(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '100'],
      ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-subj', `/CN=${name}`],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`],
    );
    this.certificateFile = join(pki.folder, `${name}.pem`);
    this.certificate = readFileSync(this.certificateFile, 'utf8');
  }

  issue(name: string, options: Validity & { kind?: KeyKind } = {}): Pair {
    const { from = Date.now() - day, to = Date.now() + 10 * day, kind = 'ec' } = options;
    this.#pki.request(name, kind);
    this.#pki.run(
      ...['ca', '-batch', '-notext', '-config', `${this.#name}.cnf`, '-in', `${name}.csr`, '-out', `${name}.pem`],
      ...['-startdate', at(from), '-enddate', at(to)],
    );
    return this.#pki.pairOf(name);
  }

  revoke(pair: Pair): void {
    this.#pki.run('ca', '-config', `${this.#name}.cnf`, '-revoke', pair.certificateFile);
  }

  /** PEM of a new list of what is revoked. */
  revocationList({ from = Date.now() - day, to = Date.now() + 10 * day }: Validity = {}): string {
    this.#pki.run(
      ...['ca', '-gencrl', '-config', `${this.#name}.cnf`, '-out', `${this.#name}.crl`],
      ...['-crl_lastupdate', at(from), '-crl_nextupdate', at(to)],
    );
    return readFileSync(join(this.#pki.folder, `${this.#name}.crl`), 'utf8');
  }
}
