/** What has to be known of certificate revocation lists (RFC 5280 5) before OpenSSL uses them. Pure. */
import type { X509Certificate } from 'node:crypto';
import { pemBlocks } from '../../dicom/transport/pemBlocks.ts';
import { derTag, readDer, readTime } from './der.ts';

export type RevocationList = {
  /** Name of the issuer: its DER in hexadecimal, to be compared with `subjectDer`. */
  issuerDer: string;
  /** Milliseconds since 1970. */
  thisUpdate: number;
  nextUpdate: number | undefined;
};

const derOf = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

function readList(pem: string): RevocationList {
  const [list] = readDer(derOf(pem), 1);
  const [body] = readDer(list?.value ?? Buffer.alloc(0), 1);
  const fields = readDer(body?.value ?? Buffer.alloc(0), 5);
  if (fields[0]?.tag === derTag.integer) fields.shift(); // version
  const [, issuer, thisUpdate, nextUpdate] = fields;
  if (issuer === undefined || thisUpdate === undefined) throw new RangeError('not a revocation list');
  const hasNext = nextUpdate?.tag === derTag.utcTime || nextUpdate?.tag === derTag.generalizedTime;
  return {
    issuerDer: issuer.whole.toString('hex'),
    thisUpdate: readTime(thisUpdate),
    nextUpdate: hasNext ? readTime(nextUpdate) : undefined,
  };
}

/** All lists of a PEM text. Throws RangeError for one that cannot be read. */
export function readRevocationLists(pem: string): RevocationList[] {
  return pemBlocks(pem, 'X509 CRL').map(readList);
}

/** Name of the subject of a certificate: its DER in hexadecimal. */
export function subjectDer(certificate: X509Certificate): string {
  const [whole] = readDer(certificate.raw, 1);
  const [body] = readDer(whole?.value ?? Buffer.alloc(0), 1);
  const fields = readDer(body?.value ?? Buffer.alloc(0), 6);
  if (fields[0]?.tag === derTag.version) fields.shift();
  return fields[4]?.whole.toString('hex') ?? ''; // serial number, signature, issuer, validity, subject
}

/** The authorities that no list is from: with a crlFile, nobody whom they signed gets in. */
export function withoutList(
  authorities: readonly X509Certificate[],
  lists: readonly RevocationList[],
): X509Certificate[] {
  const issuers = new Set(lists.map(({ issuerDer }) => issuerDer));
  return authorities.filter((authority) => !issuers.has(subjectDer(authority)));
}
