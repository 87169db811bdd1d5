/** Takes apart what an authority sends back: PEM of any mixture, DER, PKCS #7 (.p7b), PKCS #12 (.p12, .pfx). Changes nothing. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { describeError, GatewayError } from '../../base/errors.ts';
import { maxPkcs12Bytes, readPkcs12 } from './pkcs12.ts';

export type IncomingFile = { name: string; bytes: Buffer };
export type Incoming = { certificates: X509Certificate[]; keys: KeyObject[] };
/** Asked only when a file is encrypted and the empty passphrase does not open it. */
export type AskPassphrase = (file: string) => Promise<string>;

type Block = { label: string; text: string };

function refuse(file: string, message: string, hint: string, cause?: unknown): GatewayError {
  return new GatewayError(message, {
    code: 'identity.unreadable',
    operation: 'read certificate',
    subject: file,
    hint,
    cause,
  });
}

function pemBlocks(text: string): Block[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g);
  return [...blocks].map(([whole, label = '']) => ({ label, text: whole }));
}

function readCertificate(file: string, from: string | Buffer): X509Certificate {
  try {
    return new X509Certificate(from);
  } catch (cause) {
    const hint = 'it may be damaged: fetch it again, or look at it with: openssl x509 -noout -text -in FILE';
    throw refuse(file, 'a certificate in the file cannot be parsed', hint, cause);
  }
}

async function readKey(file: string, text: string, ask: AskPassphrase): Promise<KeyObject> {
  const encrypted = /-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text);
  const passphrase = encrypted ? await ask(file) : undefined;
  try {
    return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
  } catch (cause) {
    const message = encrypted ? 'the passphrase does not open the private key' : 'the private key cannot be parsed';
    throw refuse(file, message, 'look at it with: openssl pkey -noout -text -in FILE', cause);
  }
}

async function readPkcs7(file: string, raw: Buffer | string): Promise<X509Certificate[]> {
  await import('./reflectMetadata.ts');
  const { X509Certificates } = await import('@peculiar/x509');
  try {
    const found = new X509Certificates(raw);
    return [...found].map((certificate) => readCertificate(file, Buffer.from(certificate.rawData)));
  } catch (cause) {
    const hint = 'convert it: openssl pkcs7 -print_certs -in FILE -out chain.pem (add -inform DER for a binary file)';
    throw refuse(file, 'the PKCS #7 file cannot be parsed', hint, cause);
  }
}

async function openPkcs12({ name, bytes }: IncomingFile, ask: AskPassphrase): Promise<Incoming> {
  let read: ReturnType<typeof readPkcs12>;
  try {
    read = readPkcs12(bytes, '', name);
  } catch (error) {
    if (!(error instanceof GatewayError && error.code === 'pkcs12.passphrase')) throw error;
    read = readPkcs12(bytes, await ask(name), name);
  }
  const certificates = pemBlocks(read.certificate).map(({ text }) => readCertificate(name, text));
  return { certificates, keys: [createPrivateKey(read.key)] };
}

async function readPem(file: string, blocks: readonly Block[], ask: AskPassphrase): Promise<Incoming> {
  const found: Incoming = { certificates: [], keys: [] };
  for (const { label, text } of blocks) {
    if (/^(TRUSTED |X509 )?CERTIFICATE$/.test(label)) found.certificates.push(readCertificate(file, text));
    else if (/^(PKCS7|CMS)$/.test(label)) found.certificates.push(...(await readPkcs7(file, text)));
    else if (label.endsWith('PRIVATE KEY')) found.keys.push(await readKey(file, text, ask));
    else if (label.endsWith('CERTIFICATE REQUEST')) {
      const hint = 'send it to the authority, and import the certificate that comes back';
      throw refuse(file, 'this is the request (CSR), not the certificate', hint);
    }
  }
  if (found.certificates.length + found.keys.length > 0) return found;
  throw refuse(file, 'the file holds neither a certificate nor a private key', 'name the file that the authority sent');
}

/** The first bytes within the outer SEQUENCE: PFX begins with version 3, ContentInfo with the OID of signedData. */
const pkcs12Start = Buffer.from('020103', 'hex');
const signedDataStart = Buffer.from('06092a864886f70d010702', 'hex');

/** Throws GatewayError `identity.unreadable` and those of `readPkcs12`. */
export async function readIncoming(file: IncomingFile, ask: AskPassphrase): Promise<Incoming> {
  const { name, bytes } = file;
  if (bytes.length > maxPkcs12Bytes) {
    const message = `the file has ${bytes.length} bytes: too many for a key and its certificates`;
    throw refuse(name, message, 'name the file that the authority sent');
  }
  const blocks = pemBlocks(bytes.toString('latin1'));
  if (blocks.length > 0) return readPem(name, blocks, ask);
  const start = bytes.subarray(0, 24);
  if (start.includes(pkcs12Start)) return openPkcs12(file, ask);
  if (start.includes(signedDataStart)) return { certificates: await readPkcs7(name, bytes), keys: [] };
  try {
    return { certificates: [new X509Certificate(bytes)], keys: [] };
  } catch (cause) {
    const hint = 'it takes certificates in PEM or DER, PKCS #7 (.p7b) and PKCS #12 (.p12, .pfx)';
    throw refuse(name, `neither a certificate nor a key store: ${describeError(cause)}`, hint);
  }
}
