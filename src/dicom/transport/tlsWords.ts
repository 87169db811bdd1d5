/** What OpenSSL says when a handshake fails, as one line that tells the operator what to do. Pure. */
import { noCertificate, weakCertificate } from './clientTrust.ts';
import { isCertificateAlert, tlsAlert } from './tlsAlert.ts';

type Words = [event: string, message: string];

/** `code` is OpenSSL's verification error, by Node's name, or NO_CERTIFICATE. */
export function explainRefusedCertificate(code: string): Words {
  const what = 'TLS refused: the sender ';
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return [
        'tls.client-certificate-expired',
        `${what}showed an expired certificate; renew it (and compare the clocks)`,
      ];
    case 'CERT_NOT_YET_VALID':
      return ['tls.client-certificate-early', `${what}showed a certificate that is not valid yet; compare the clocks`];
    case 'CERT_REVOKED':
      return [
        'tls.client-certificate-revoked',
        `${what}showed a certificate that its authority has revoked (crlFile); give it a new one, or find out who has its key`,
      ];
    case 'CRL_HAS_EXPIRED':
    case 'CRL_NOT_YET_VALID':
    case 'UNABLE_TO_GET_CRL':
      return [
        'tls.crl-unusable',
        `TLS refused: crlFile has no list in date of an authority of the sender's certificate (${code}); renew the list`,
      ];
    case noCertificate:
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return [
        'tls.no-client-certificate',
        `${what}showed no certificate, or not its issuer; give it a certificate, and clientCaFile its CA`,
      ];
    case weakCertificate:
    case 'UNSPECIFIED': // Node has no name for what OpenSSL says of a weak key or signature
      return [
        'tls.client-certificate-weak',
        `${what}showed a certificate that is too weak, or flawed in another way; BCP 195 needs RSA 2048 or EC P-256, signed with SHA-256`,
      ];
    default:
      return [
        'tls.client-certificate-refused',
        `${what}showed a certificate that clientCaFile does not vouch for, nor any peer's fingerprint (${code}); if it is one of your senders, have it call again after "medusa-gateway peers learn"`,
      ];
  }
}

/** `code` and `message` are those of the error that ended the handshake. */
export function explainTlsError(code: string, message: string): Words {
  if (isCertificateAlert(code)) {
    const what = 'TLS refused by the sender: it does not accept our certificate';
    return [
      'tls.sender-refused-us',
      `${what} (${tlsAlert(code)}); give it the CA that signed it, and call us by a name that is in it`,
    ];
  }
  switch (code) {
    case 'ERR_SSL_HTTP_REQUEST':
    case 'ERR_SSL_HTTPS_PROXY_REQUEST':
      return [
        'listener.http-on-dicom-port',
        'an HTTP client called a DICOM port; DICOMweb is not offered here, and the status page is at api.port',
      ];
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_RECORD_LAYER_FAILURE':
      return [
        'listener.plain-on-tls-port',
        'a client without TLS called a TLS port; set the sender to TLS, or to the port of a plain listener',
      ];
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return [
        'tls.no-client-certificate',
        'TLS refused: the sender showed no certificate; give it one, that clientCaFile signed or that a peer is bound to',
      ];
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_VERSION_TOO_LOW':
    case 'ERR_SSL_NO_SHARED_CIPHER':
    case 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM':
    case 'ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS':
    case 'ERR_SSL_NO_SUITABLE_KEY_SHARE':
      return [
        'tls.legacy-client',
        `TLS refused: the sender offers only old versions or ciphers (${code}); BCP 195 needs TLS 1.2 with ECDHE and GCM`,
      ];
    case 'ERR_SSL_NO_APPLICATION_PROTOCOL':
      return ['tls.other-protocol', 'TLS refused: the client wants another protocol than DICOM; it means another port'];
    case 'ECONNRESET':
      return [
        'tls.closed',
        'TLS handshake broken off: the sender closed the connection, or its certificate was refused',
      ];
    default:
      return ['tls.failed', `TLS handshake failed: ${message.replace(/^.*routines:/, '').trim()}`];
  }
}
