/** The real openssl, which makes what hospitals' authorities send and looks at what we make. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs `openssl ARGS` and returns its output. Throws with what it complained about. */
export function openssl(args: readonly string[], input: string | Buffer = ''): Buffer {
  return execFileSync('openssl', args, { input, stdio: 'pipe', maxBuffer: 2 ** 24 });
}

export type KeyKind = 'ec' | 'rsa' | 'rsa1024' | 'ed25519';
export type Issued = { key: string; certificate: string };

const newKey: Record<KeyKind, string[]> = {
  ec: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa1024: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  ed25519: ['-algorithm', 'ED25519'],
};

export type IssueOptions = {
  kind?: KeyKind;
  /** openssl's extension lines. */
  extensions?: string[];
  days?: number;
  /** Of the signature; SHA-256 when left out. */
  digest?: string;
  /** A request to sign, in place of a new key. */
  request?: string;
};

const serverExtensions = [
  'basicConstraints=critical,CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'extendedKeyUsage=serverAuth,clientAuth',
  'subjectAltName=DNS:gateway.example.org,IP:127.0.0.1',
  'subjectKeyIdentifier=hash',
  'authorityKeyIdentifier=keyid',
];
const authorityExtensions = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,keyCertSign,cRLSign',
  'subjectKeyIdentifier=hash',
];

/** A hospital's authority: a root, an intermediate that signs, and what they issue, as files in `folder`. */
export class HospitalAuthority {
  readonly root: Issued;
  readonly intermediate: Issued;
  readonly #folder: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.root = { key: this.makeKey('root', 'ec'), certificate: join(folder, 'root.pem') };
    const ext = this.#file('root.ext', authorityExtensions.join('\n'));
    const request = this.#request('root', this.root.key);
    openssl(
      `x509 -req -in ${request} -signkey ${this.root.key} -days 30 -extfile ${ext} -out ${this.root.certificate}`.split(
        ' ',
      ),
    );
    this.intermediate = this.issue('intermediate', { extensions: authorityExtensions }, this.root);
  }

  makeKey(name: string, kind: KeyKind): string {
    const path = join(this.#folder, `${name}.key`);
    openssl(['genpkey', ...newKey[kind], '-out', path]);
    return path;
  }

  /** Signed by the intermediate, or by `issuer`. Paths of the files. */
  issue(name: string, options: IssueOptions = {}, issuer: Issued = this.intermediate): Issued {
    const key = options.request ? '' : this.makeKey(name, options.kind ?? 'ec');
    const request = options.request ?? this.#request(name, key);
    const ext = this.#file(`${name}.ext`, (options.extensions ?? serverExtensions).join('\n'));
    const certificate = join(this.#folder, `${name}.pem`);
    const signed = ['x509', '-req', '-in', request, '-CA', issuer.certificate, '-CAkey', issuer.key, '-CAcreateserial'];
    const digest = options.digest === undefined ? [] : [`-${options.digest}`];
    openssl([...signed, ...digest, '-days', String(options.days ?? 20), '-extfile', ext, '-out', certificate]);
    return { key, certificate };
  }

  #request(name: string, key: string): string {
    const path = join(this.#folder, `${name}.csr`);
    openssl(['req', '-new', '-key', key, '-subj', `/CN=${name}`, '-out', path]);
    return path;
  }

  #file(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text);
    return path;
  }
}
