/**
 * Reads the TLS files of a listener, in either of their two ways (PEM, or PKCS #12), and says what is wrong with them. The
 * same for the check of a configuration, for the start, and for each change of a file while the gateway runs.
 */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { describeError, GatewayError } from '../../base/errors.ts';
import { trustNobody } from '../../dicom/transport/clientTrust.ts';
import { pemBlocks } from '../../dicom/transport/pemBlocks.ts';
import { weakKey } from '../../dicom/transport/tlsProfile.ts';
import { type TlsMaterial, TlsTerminator } from '../../dicom/transport/tlsTerminator.ts';
import {
  type FileFault,
  type FileResult,
  readCertificates,
  readFileBytes,
  readPrivateKey,
  readSmallFile,
} from '../config/pem.ts';
import type { ParsedConfiguration } from '../config/schema.ts';
import { type Environment, resolveSecret } from '../config/secrets.ts';
import { readPkcs12 } from '../identity/pkcs12.ts';
import { type RevocationList, readRevocationLists, withoutList } from './crl.ts';

export type ListenerTls = Readonly<NonNullable<ParsedConfiguration['listeners'][number]['tls']>>;
/** A fault and the key of `listeners[].tls` that it is about. */
export type TlsFault = FileFault & { key: keyof ListenerTls };

export type LoadedTls = {
  material: TlsMaterial;
  /** The listener's certificate, then what is there of its chain. */
  chain: X509Certificate[];
  authorities: X509Certificate[];
  lists: RevocationList[];
};

type Pair = { certificate: string; key: string; chain: X509Certificate[] };

class Faults {
  readonly found: TlsFault[] = [];

  take<T>(key: keyof ListenerTls, result: FileResult<T>): T | undefined {
    if (result.ok) return result.value;
    this.found.push({ key, ...result.fault });
    return undefined;
  }

  add(key: keyof ListenerTls, message: string, hint?: string): undefined {
    this.found.push({ key, message, ...(hint === undefined ? {} : { hint }) });
    return undefined;
  }
}

function readPair(tls: ListenerTls, environment: Environment, faults: Faults): Pair | undefined {
  return tls.pkcs12File === undefined ? readPem(tls, environment, faults) : readContainer(tls, environment, faults);
}

function readPem(tls: ListenerTls, environment: Environment, faults: Faults): Pair | undefined {
  const { certificateFile, keyFile, keyPassphrase } = tls;
  if (certificateFile === undefined || keyFile === undefined) return undefined; // meaning.ts says so
  const chain = faults.take('certificateFile', readCertificates(certificateFile));
  const passphrase = keyPassphrase && faults.take('keyPassphrase', resolveSecret(keyPassphrase, environment));
  if (keyPassphrase && passphrase === undefined) return undefined;
  const key = faults.take('keyFile', readPrivateKey(keyFile, passphrase));
  if (chain === undefined || key === undefined) return undefined;
  if (chain[0]?.checkPrivateKey(key) !== true) {
    const message = 'is not the key of the first certificate in certificateFile';
    return faults.add('keyFile', message, 'name the pair that was made together');
  }
  return { certificate: chain.map(String).join('\n'), key: pemOf(key), chain };
}

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function readContainer(tls: ListenerTls, environment: Environment, faults: Faults): Pair | undefined {
  const { pkcs12File = '', pkcs12Passphrase } = tls;
  const passphrase =
    pkcs12Passphrase === undefined ? '' : faults.take('pkcs12Passphrase', resolveSecret(pkcs12Passphrase, environment));
  const bytes = faults.take('pkcs12File', readFileBytes(pkcs12File));
  if (bytes === undefined || passphrase === undefined) return undefined;
  try {
    const { key, certificate } = readPkcs12(bytes, passphrase, pkcs12File);
    return { key, certificate, chain: pemBlocks(certificate, 'CERTIFICATE').map((pem) => new X509Certificate(pem)) };
  } catch (error) {
    const hint = error instanceof GatewayError ? error.hint : undefined;
    const key = error instanceof GatewayError && error.code === 'pkcs12.passphrase' ? 'pkcs12Passphrase' : 'pkcs12File';
    return faults.add(key, describeError(error), hint);
  }
}

function readLists(crlFile: string | undefined, faults: Faults): { text: string; lists: RevocationList[] } | undefined {
  if (crlFile === undefined) return undefined;
  const text = faults.take('crlFile', readSmallFile(crlFile));
  if (text === undefined) return undefined;
  try {
    const lists = readRevocationLists(text);
    if (lists.length > 0) return { text, lists };
    return faults.add(
      'crlFile',
      `"${crlFile}" holds no PEM revocation list`,
      'from DER: openssl crl -inform DER -in OLD -out NEW',
    );
  } catch {
    return faults.add(
      'crlFile',
      `"${crlFile}" holds a revocation list that cannot be parsed`,
      'look at it with: openssl crl -text -in FILE',
    );
  }
}

/** OpenSSL's own opinion: what it would say at the first connection it says now. */
function trial(material: TlsMaterial, key: keyof ListenerTls, faults: Faults): void {
  try {
    new TlsTerminator(material, trustNobody, { onSecure: () => {}, onFailed: () => {} });
  } catch (error) {
    faults.add(key, `OpenSSL does not take the certificate and key: ${describeError(error)}`);
  }
}

/** All files, read and compared. Dates are not judged here: at the start what has expired still serves, with a warning. */
export function loadTls(
  tls: ListenerTls,
  environment: Environment = process.env,
): { loaded?: LoadedTls; chain: X509Certificate[]; faults: TlsFault[] } {
  const faults = new Faults();
  const certificateKey = tls.pkcs12File === undefined ? 'certificateFile' : 'pkcs12File';
  const pair = readPair(tls, environment, faults);
  const [leaf] = pair?.chain ?? [];
  const weakness = leaf && weakKey(leaf.publicKey);
  if (weakness)
    faults.add(certificateKey, `holds a key that is too weak, ${weakness}`, 'make a new key and certificate');
  const authorities =
    tls.clientCaFile === undefined ? [] : faults.take('clientCaFile', readCertificates(tls.clientCaFile));
  const crl = readLists(tls.crlFile, faults);
  for (const authority of crl && authorities ? withoutList(authorities, crl.lists) : []) {
    const name = authority.subject.split('\n').at(-1);
    faults.add(
      'crlFile',
      `has no list of the authority ${name} in clientCaFile`,
      'with a crlFile each authority needs its list',
    );
  }
  const chain = pair?.chain ?? [];
  if (pair === undefined || authorities === undefined || faults.found.length > 0)
    return { chain, faults: faults.found };
  const material: TlsMaterial = {
    certificate: pair.certificate,
    key: pair.key,
    clientCa: tls.clientCaFile === undefined ? undefined : authorities.map(String).join('\n'),
    ...(crl === undefined ? {} : { crl: crl.text }),
    requireClientCertificate: tls.requireClientCertificate,
    minVersion: tls.minVersion,
  };
  trial(material, certificateKey, faults);
  if (faults.found.length > 0) return { chain, faults: faults.found };
  return { loaded: { material, chain, authorities, lists: crl?.lists ?? [] }, chain, faults: [] };
}

/** Changes when the content of any of the files does. */
export function tlsDigest(tls: ListenerTls, environment: Environment = process.env): string {
  const hash = createHash('sha256');
  for (const path of [tls.certificateFile, tls.keyFile, tls.pkcs12File, tls.clientCaFile, tls.crlFile]) {
    if (path === undefined) continue;
    const bytes = readFileBytes(path);
    hash.update(bytes.ok ? createHash('sha256').update(bytes.value).digest() : bytes.fault.message);
  }
  for (const secret of [tls.keyPassphrase, tls.pkcs12Passphrase]) {
    const value = secret === undefined ? undefined : resolveSecret(secret, environment);
    hash.update(value?.ok ? createHash('sha256').update(value.value).digest() : 'none');
  }
  return hash.digest('hex');
}

/** Why what was read may not take the place of what is in use; undefined when it may. `now`: milliseconds since 1970. */
export function outOfDate({ chain, lists }: LoadedTls, now: number): string | undefined {
  const [leaf] = chain;
  const date = (time: number) => new Date(time).toISOString();
  if (leaf && now > leaf.validToDate.getTime())
    return `the new certificate expired on ${date(leaf.validToDate.getTime())}`;
  if (leaf && now < leaf.validFromDate.getTime()) {
    return `the new certificate is not valid before ${date(leaf.validFromDate.getTime())}`;
  }
  const old = lists.find(({ nextUpdate }) => nextUpdate !== undefined && now > nextUpdate);
  return old?.nextUpdate === undefined ? undefined : `the new revocation list ended on ${date(old.nextUpdate)}`;
}
