/**
 * Speaks TLS on connections that a listener has accepted. Two `tls.Server`s that listen nowhere do the work; connections are
 * given to them by their `connection` event, which Node documents for this. New certificates make a new terminator for new
 * connections; the associations of the old one go on.
 *
 * The strict server has OpenSSL insist on a certificate, so that a caller without one gets the alert that says so. It serves
 * while nobody may come with a certificate that no authority vouches for. The lenient one lets the handshake end and decides then.
 */

import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { CallerCertificate } from '../services/access.ts';
import { type ClientTrust, noCertificate, refusal } from './clientTrust.ts';
import { callerCertificate, seenCertificate } from './peerCertificate.ts';
import { pemBlocks } from './pemBlocks.ts';
import { applicationProtocol, profileOptions } from './tlsProfile.ts';

/** PEM texts. */
export type TlsMaterial = {
  /** The listener's certificate first, then its chain. */
  certificate: string | Buffer;
  key: string | Buffer;
  /** Authorities that vouch for callers. */
  clientCa: string | Buffer | undefined;
  /** Revocation lists of these authorities: with any, each authority in a chain needs one that is in date. */
  crl?: string | Buffer;
  requireClientCertificate: boolean;
  minVersion: 'TLSv1.2' | 'TLSv1.3';
};

export type TerminatorEvents = {
  onSecure(raw: Socket, socket: TLSSocket, certificate: CallerCertificate | undefined): void;
  /** The connection ends; `refused`: the verification error of the certificate that was shown, or NO_CERTIFICATE. */
  onFailed(raw: Socket | undefined, failure: { refused: string } | { code: string; message: string }): void;
};

/** The gate ends slow handshakes; Node wants a number here, and does not close the connection when it is over. */
const unusedHandshakeTimeoutMs = 2 ** 31 - 1;

/** The accepted connection below a TLS socket. Node keeps it under this name, also when both are closed. */
const rawOf = (socket: TLSSocket): Socket | undefined => (socket as unknown as { _parent?: Socket })._parent;

export class TlsTerminator {
  readonly #events: TerminatorEvents;
  readonly #trust: ClientTrust;
  readonly #required: boolean;
  readonly #authorities: ReadonlySet<string>;
  readonly #strict: Server;
  readonly #lenient: Server;

  /** Throws what OpenSSL says when the material is unusable. */
  constructor(material: TlsMaterial, trust: ClientTrust, events: TerminatorEvents) {
    this.#events = events;
    this.#trust = trust;
    this.#required = material.requireClientCertificate;
    const authorities = pemBlocks(material.clientCa, 'CERTIFICATE');
    this.#authorities = new Set(
      authorities.map((pem) => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()),
    );
    this.#strict = this.#server(material, authorities, true);
    this.#lenient = this.#server(material, authorities, false);
  }

  /** Takes over a connection from which nothing has been read. */
  take(raw: Socket): void {
    const lenient = !this.#required || this.#trust.anyPinned || this.#trust.learning;
    (lenient ? this.#lenient : this.#strict).emit('connection', raw);
  }

  #server(material: TlsMaterial, authorities: string[], strict: boolean): Server {
    const crl = pemBlocks(material.crl, 'X509 CRL');
    const server = createServer({
      ...profileOptions(material.minVersion),
      cert: material.certificate,
      key: material.key,
      ca: authorities, // without any, nobody is vouched for; left out, Node would trust the public authorities
      ...(crl.length === 0 ? {} : { crl }),
      requestCert: true,
      rejectUnauthorized: strict,
      honorCipherOrder: true,
      ALPNProtocols: [applicationProtocol],
      handshakeTimeout: unusedHandshakeTimeoutMs,
    });
    server.on('secureConnection', (socket: TLSSocket) => this.#onSecure(socket));
    server.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
      // Node closes a connection whose certificate it refuses without an error of its own: the reason is on the socket.
      const refused = socket.authorizationError as unknown as string | undefined;
      const failure = refused ? { refused } : { code: error.code ?? 'unknown', message: error.message };
      this.#events.onFailed(rawOf(socket), failure);
    });
    return server;
  }

  #onSecure(socket: TLSSocket): void {
    const raw = rawOf(socket);
    const seen = seenCertificate(socket, this.#authorities);
    const now = Date.now();
    const refused = this.#required ? refusal(seen, this.#trust, now) : undefined;
    if (raw === undefined || refused !== undefined) {
      socket.on('error', () => {});
      socket.destroy();
      this.#events.onFailed(raw, { refused: refused ?? noCertificate });
      return;
    }
    this.#events.onSecure(raw, socket, seen && callerCertificate(seen, now));
  }
}
