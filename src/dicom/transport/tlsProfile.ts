/**
 * The TLS that we speak, as listener and as caller: the BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile
 * (PS3.15 B.12). One table for the code, the scan in the tests and the conformance statement.
 */
import { constants, type KeyObject } from 'node:crypto';
import type { SecureVersion } from 'node:tls';

export type CipherSuite = {
  /** As IANA registers it. */
  name: string;
  /** The two bytes of it on the wire. */
  id: number;
  /** Its name in OpenSSL. */
  openssl: string;
  version: 'TLSv1.2' | 'TLSv1.3';
  /** The kind of our certificate that it needs. */
  authentication: 'ECDSA' | 'RSA' | 'any';
};

/**
 * TLS 1.2: the four of RFC 9325 4.2, all with forward secrecy and AEAD. TLS 1.3: those that RFC 8446 9.1 requires and
 * recommends. In our order of preference, which counts before the caller's.
 */
export const cipherSuites: readonly CipherSuite[] = [
  suite('TLS_AES_128_GCM_SHA256', 0x1301, 'TLS_AES_128_GCM_SHA256', 'TLSv1.3', 'any'),
  suite('TLS_AES_256_GCM_SHA384', 0x1302, 'TLS_AES_256_GCM_SHA384', 'TLSv1.3', 'any'),
  suite('TLS_CHACHA20_POLY1305_SHA256', 0x1303, 'TLS_CHACHA20_POLY1305_SHA256', 'TLSv1.3', 'any'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 0xc02b, 'ECDHE-ECDSA-AES128-GCM-SHA256', 'TLSv1.2', 'ECDSA'),
  suite('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 0xc02f, 'ECDHE-RSA-AES128-GCM-SHA256', 'TLSv1.2', 'RSA'),
  suite('TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 0xc02c, 'ECDHE-ECDSA-AES256-GCM-SHA384', 'TLSv1.2', 'ECDSA'),
  suite('TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 0xc030, 'ECDHE-RSA-AES256-GCM-SHA384', 'TLSv1.2', 'RSA'),
];

function suite(
  name: string,
  id: number,
  openssl: string,
  version: CipherSuite['version'],
  authentication: CipherSuite['authentication'],
): CipherSuite {
  return { name, id, openssl, version, authentication };
}

/** RFC 9325 4.2.1 and 4.4: curves of at least 255 bits. */
export const groups = ['X25519', 'P-256', 'P-384', 'P-521'] as const;

/** RFC 9325 4.3 and RFC 9155: nothing with MD5 or SHA-1. By OpenSSL's names. */
export const signatureAlgorithms = [
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'ed25519',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pss_pss_sha256',
  'rsa_pss_pss_sha384',
  'rsa_pss_pss_sha512',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
] as const;

/** RFC 9325 4.5. */
export const minRsaBits = 2048;
/** RFC 9325 4.2.1: elliptic curves of at least 224 bits; none under 255 is in `groups`. */
const minEcBits: Record<string, number> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };

/** Registered with IANA for DICOM; a caller that offers protocols and not this one means another server (RFC 9325 3.7). */
export const applicationProtocol = 'dicom';

/**
 * Level 2 of OpenSSL: certificates too have at least 112 bits of strength (RSA 2048, no SHA-1 in a signature).
 */
const cipherList = `${cipherSuites.map(({ openssl }) => openssl).join(':')}:@SECLEVEL=2`;

/**
 * Sessions are not resumed (no tickets, no cache): RFC 9325 3.4 allows tickets on conditions, but an association lasts, so they save
 * next to nothing, and each one is opened with a certificate that is looked at again. RFC 9325 3.5: no renegotiation.
 */
const secureOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION;

/** Options for `tls.createServer` and `tls.connect` alike. */
export function profileOptions(minVersion: CipherSuite['version'] = 'TLSv1.2') {
  return {
    minVersion: minVersion satisfies SecureVersion,
    maxVersion: 'TLSv1.3' as const,
    ciphers: cipherList,
    ecdhCurve: groups.join(':'),
    sigalgs: signatureAlgorithms.join(':'),
    secureOptions,
  };
}

/** Why a key may not be used for TLS under the profile; undefined when it may. */
export function weakKey(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  switch (type) {
    case 'rsa':
    case 'rsa-pss': {
      const bits = details?.modulusLength ?? 0;
      return bits < minRsaBits ? `RSA of ${bits} bits: BCP 195 wants at least ${minRsaBits}` : undefined;
    }
    case 'ec':
      return (details?.namedCurve ?? '') in minEcBits
        ? undefined
        : `curve ${details?.namedCurve ?? 'unknown'}: BCP 195 wants P-256, P-384 or P-521`;
    case 'ed25519':
      return undefined;
    default:
      return `${type ?? 'unknown'}: BCP 195 wants RSA, EC or Ed25519`;
  }
}
