/** Opens the connection to a peer, TCP or TLS, and says in words why it does not come about. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describeError, GatewayError } from '../../base/errors.ts';
import { isCertificateAlert, tlsAlert } from '../transport/tlsAlert.ts';
import { profileOptions } from '../transport/tlsProfile.ts';

export type TlsClientMaterial = {
  /** PEM of the authority that signed the peer's certificate. */
  ca: string | Buffer;
  /** PEM of our own certificate and its key, for peers that ask for one. */
  certificate?: string | Buffer;
  key?: string | Buffer;
  /** The name that the peer's certificate must carry, when it is not the host that is called. */
  serverName?: string;
};

export type PeerAddress = { host: string; port: number; tls?: TlsClientMaterial };

const subjectOf = (peer: PeerAddress) => `${peer.host}:${peer.port}`;

type Explanation = { code: string; why: string; hint: string; retryable?: boolean };

/** What OpenSSL or the operating system said, in words. `code` is Node's. */
function explain(code: string, tls: boolean): Explanation | undefined {
  if (isCertificateAlert(code) || tlsAlert(code) === 'HANDSHAKE_FAILURE') {
    return {
      code: 'scu.tls-refused',
      why: `TLS refused by the peer: our certificate is missing, expired or not one that it trusts (${code})`,
      hint: "give a certificate and key that the peer's CA signed",
    };
  }
  switch (code) {
    case 'ECONNREFUSED':
      return {
        code: 'scu.connection-refused',
        why: 'connection refused: nothing listens there',
        hint: 'check address and port, and that the peer is running',
        retryable: true,
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { code: 'scu.unknown-host', why: 'the host name is not known', hint: 'check its spelling and the DNS' };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return {
        code: 'scu.unreachable',
        why: 'the host cannot be reached',
        hint: 'check the network, its routes and its firewalls',
        retryable: true,
      };
    case 'CERT_HAS_EXPIRED':
      return {
        code: 'scu.tls-refused',
        why: "TLS refused: the peer's certificate has expired",
        hint: 'renew it there (and compare the clocks)',
      };
    case 'CERT_NOT_YET_VALID':
      return {
        code: 'scu.tls-refused',
        why: "TLS refused: the peer's certificate is not valid yet",
        hint: 'compare the clocks',
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        code: 'scu.tls-refused',
        why: "TLS refused: the peer's certificate is for another name",
        hint: 'call the peer by the name in its certificate, or give that name',
      };
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return {
        code: 'scu.tls-refused',
        why: `TLS refused: the CA file does not vouch for the peer's certificate (${code})`,
        hint: "give the CA that signed the peer's certificate",
      };
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return {
        code: 'scu.tls-refused',
        why: 'TLS refused: the peer does not speak TLS on this port',
        hint: 'call its TLS port, or call this one without TLS',
      };
    case 'ECONNRESET':
    case 'EPIPE':
      return tls
        ? {
            code: 'scu.connection-lost',
            why: 'the peer broke the TLS connection off',
            hint: 'is this a TLS port, and is our certificate one that the peer trusts? Its log says why',
            retryable: true,
          }
        : {
            code: 'scu.connection-lost',
            why: 'the peer broke the connection off',
            hint: "is this a port for TLS? The peer's log says why",
            retryable: true,
          };
    default:
      return undefined;
  }
}

/** A socket's error as one that says what to do. */
export function socketError(peer: PeerAddress, operation: string, error: unknown): GatewayError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const known = explain(code, peer.tls !== undefined);
  return new GatewayError(`${subjectOf(peer)}: ${known?.why ?? describeError(error)}`, {
    code: known?.code ?? (code.startsWith('ERR_SSL') ? 'scu.tls-refused' : 'scu.connection-lost'),
    operation,
    subject: subjectOf(peer),
    hint: known?.hint ?? "look at the peer's log",
    retryable: known?.retryable ?? false,
    cause: error,
  });
}

function start(peer: PeerAddress): { socket: Socket | TLSSocket; ready: 'connect' | 'secureConnect' } {
  const { host, port, tls } = peer;
  if (!tls) return { socket: connectTcp({ host, port, noDelay: true }), ready: 'connect' };
  const socket = connectTls({
    host,
    port,
    ca: tls.ca,
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...profileOptions(),
  });
  socket.setNoDelay(true);
  return { socket, ready: 'secureConnect' };
}

/**
 * Resolves with a connected socket, after the TLS handshake when there is one. Throws `scu.connection-refused`,
 * `scu.unreachable`, `scu.unknown-host`, `scu.tls-refused`, `scu.connection-lost`, `scu.timeout` or `scu.cancelled`.
 */
export function connectToPeer(peer: PeerAddress, timeoutMs: number, signal?: AbortSignal): Promise<Socket> {
  const operation = 'connect to a DICOM peer';
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(operation, subjectOf(peer)));
    const { socket, ready } = start(peer);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose).off(ready, onReady);
      socket.on('error', () => {}); // from here on the close is what counts; Requestor listens for more
    };
    const fail = (error: GatewayError) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error) => fail(socketError(peer, operation, error));
    const onClose = () =>
      fail(socketError(peer, operation, Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    const onAbort = () => fail(cancelled(operation, subjectOf(peer)));
    const onReady = () => {
      settle();
      resolve(socket);
    };
    const timer = setTimeout(() => {
      const what = peer.tls && !socket.connecting ? 'no TLS handshake' : 'no connection';
      const hint = peer.tls
        ? 'check address, port and firewall; is this a TLS port?'
        : 'check address, port and firewall';
      fail(timedOut(operation, subjectOf(peer), `${what} within ${timeoutMs} ms`, hint));
    }, timeoutMs);
    socket.on('error', onError).on('close', onClose).on(ready, onReady);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export function cancelled(operation: string, subject: string): GatewayError {
  return new GatewayError(`${subject}: cancelled`, { code: 'scu.cancelled', operation, subject });
}

export function timedOut(operation: string, subject: string, why: string, hint: string): GatewayError {
  return new GatewayError(`${subject}: ${why}`, { code: 'scu.timeout', operation, subject, hint, retryable: true });
}
