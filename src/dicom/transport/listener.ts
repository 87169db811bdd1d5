/**
 * A DICOM listener: a TLS or plain TCP server bound to its own address, which turns each connection into an accepted
 * association and counts them. A TLS client on a plain port, and the reverse, are named as such in the log.
 */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Log } from '../../base/log.ts';
import { AcceptedAssociation, type AcceptedAssociationContext } from '../services/acceptedAssociation.ts';
import type { Caller, CallerCertificate } from '../services/access.ts';
import { type ReadingMode, readSocket } from './socketReader.ts';
import { socketTransport } from './socketTransport.ts';

export type TlsMaterial = {
  certificate: string | Buffer;
  key: string | Buffer;
  clientCa: string | Buffer | undefined;
  requireClientCertificate: boolean;
  minVersion: 'TLSv1.2' | 'TLSv1.3';
};

export type ListenerOptions = {
  name: string;
  host: string;
  port: number;
  tls: TlsMaterial | undefined;
  /** Hard cap on open connections, those that have not asked for an association yet included. */
  maxConnections: number;
  /** How bytes are read; default 'shared-buffer' (socketReader.ts). */
  reading?: ReadingMode;
  context: Omit<AcceptedAssociationContext, 'caller'>;
  log: Log;
};

/** BCP 195 (RFC 9325) as PS3.15 B.12 profiles it: forward secrecy and AEAD only. TLS 1.3 has its own. */
export const tls12Ciphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

const idleCheckMs = 1_000;
const handshakeTimeoutMs = 30_000;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #associations = new Set<AcceptedAssociation>();
  readonly #sockets = new Set<Socket>();
  readonly #addresses = new WeakMap<Socket, string>();
  readonly #log: Log;
  #idleCheck: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#log = options.log.child({ listener: options.name });
    this.#server = options.tls ? this.#tlsServer(options.tls) : this.#plainServer();
    this.#server.maxConnections = options.maxConnections;
    this.#server.on('drop', (dropped) => {
      const message = `connection dropped: ${options.maxConnections} are open already`;
      this.#log.warn('listener.full', message, { address: dropped?.remoteAddress });
    });
  }

  get associations(): ReadonlySet<AcceptedAssociation> {
    return this.#associations;
  }

  get name(): string {
    return this.#options.name;
  }

  get isTls(): boolean {
    return this.#options.tls !== undefined;
  }

  /** Resolves with the port once the listener accepts connections; rejects with the system's error. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: this.#options.host, port: this.#options.port, backlog: 511 }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#log.error('listener.error', `listener failed: ${error.message}`));
    this.#idleCheck = setInterval(() => {
      const now = this.#options.context.monotonic();
      for (const association of this.#associations) association.checkIdle(now);
    }, idleCheckMs);
    return this.port;
  }

  /** `host:port` that it is bound to. */
  get address(): string {
    const host = this.#options.host.includes(':') ? `[${this.#options.host}]` : this.#options.host;
    return `${host}:${this.port || this.#options.port}`;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Stops accepting; gives associations `graceMs` to end by themselves, then aborts them. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#idleCheck);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const deadline = performance.now() + graceMs;
    while (this.#associations.size > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const association of this.#associations) association.abort('the gateway is stopping');
    const drained = performance.now() + 1_000; // the A-ABORTs are on their way
    while (this.#associations.size > 0 && performance.now() < drained) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #plainServer(): Server {
    return createTcpServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
      this.#track(socket);
      this.#serve(socket, {});
    });
  }

  #tlsServer(tls: TlsMaterial): Server {
    const server = createTlsServer({
      cert: tls.certificate,
      key: tls.key,
      ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa }),
      requestCert: tls.requireClientCertificate || tls.clientCa !== undefined,
      rejectUnauthorized: tls.requireClientCertificate,
      minVersion: tls.minVersion,
      ciphers: `TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:${tls12Ciphers.join(':')}`,
      honorCipherOrder: true,
      handshakeTimeout: handshakeTimeoutMs,
      noDelay: true,
    });
    server.on('connection', (socket: Socket) => this.#track(socket));
    server.on('secureConnection', (socket: TLSSocket) => {
      const fingerprint = socket.authorized ? socket.getPeerCertificate().fingerprint256 : undefined;
      const certificate: CallerCertificate | undefined = fingerprint
        ? {
            fingerprint: fingerprint.replaceAll(':', '').toLowerCase(),
            subject: '',
            trust: { kind: 'verified', authorities: [] },
          }
        : undefined;
      this.#serve(socket, certificate ? { certificate } : {});
    });
    server.on('tlsClientError', (error, socket) => this.#onTlsError(error, socket));
    return server;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    this.#addresses.set(socket, socket.remoteAddress ?? 'unknown');
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // its consequence, the close, is what is handled
  }

  #serve(socket: Socket, known: Partial<Caller>): void {
    const caller: Caller = {
      address: socket.remoteAddress ?? 'unknown',
      port: socket.remotePort ?? 0,
      listener: this.#options.name,
      ...known,
    };
    socket.on('error', () => {});
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    const association = new AcceptedAssociation(socketTransport(socket), { ...this.#options.context, caller });
    this.#associations.add(association);
    let first = true;
    socket.on('end', () => association.transportClosed());
    socket.on('close', () => {
      association.transportClosed();
      this.#associations.delete(association);
    });
    const onBytes = (bytes: Buffer) => {
      if (first) {
        first = false;
        if (this.#isMisdialled(bytes, socket, caller)) return;
      }
      association.receive(bytes);
    };
    readSocket(socket, onBytes, this.#options.reading);
  }

  /** A TLS ClientHello (16H 03H) on a plain port: said in one line, and closed. */
  #isMisdialled(bytes: Buffer, socket: Socket, caller: Caller): boolean {
    if (this.isTls || bytes[0] !== 0x16 || (bytes.length > 1 && bytes[1] !== 0x03)) return false;
    const hint = 'set the sender to plain DICOM, or to the port of a TLS listener';
    this.#log.warn('listener.tls-on-plain-port', `a TLS client called a plain DICOM port; ${hint}`, {
      address: caller.address,
    });
    socket.destroy();
    return true;
  }

  #onTlsError(error: Error & { code?: string; reason?: string }, socket: TLSSocket): void {
    // A socket that is closed has forgotten whose it was.
    const raw = (socket as unknown as { _parent?: Socket })._parent;
    const address = socket.remoteAddress ?? (raw && this.#addresses.get(raw)) ?? 'unknown';
    // Node closes a connection whose certificate it refuses without an error of its own: the reason is on the socket.
    const refused = socket.authorizationError as unknown as string | undefined;
    const code = refused ?? error.code ?? 'unknown';
    const [event, message] = refused ? explainRefusedCertificate(refused) : explainTlsError(code, error.message);
    this.#log.warn(event, message, { address, code });
    this.#options.context.observer.onHandshakeFailed({ address });
  }
}

/** `code` is OpenSSL's verification error, by Node's name. */
function explainRefusedCertificate(code: string): [event: string, message: string] {
  const what = 'TLS refused: the sender ';
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return [
        'tls.client-certificate-expired',
        `${what}showed an expired certificate; renew it (and compare the clocks)`,
      ];
    case 'CERT_NOT_YET_VALID':
      return ['tls.client-certificate-early', `${what}showed a certificate that is not valid yet; compare the clocks`];
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return [
        'tls.no-client-certificate',
        `${what}showed no certificate, or not its issuer; clientCaFile must hold the CA`,
      ];
    default:
      return [
        'tls.client-certificate-refused',
        `${what}showed a certificate that clientCaFile does not vouch for (${code})`,
      ];
  }
}

/** One readable line for what OpenSSL says when a handshake fails. */
function explainTlsError(code: string, message: string): [event: string, message: string] {
  switch (code) {
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_RECORD_LAYER_FAILURE':
    case 'ERR_SSL_HTTP_REQUEST':
      return [
        'listener.plain-on-tls-port',
        'a client without TLS called a TLS port; set the sender to TLS, or to the port of a plain listener',
      ];
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return [
        'tls.no-client-certificate',
        'TLS refused: the sender showed no certificate; give it one that clientCaFile signed',
      ];
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
      return [
        'tls.sender-refused-us',
        'TLS refused by the sender: it does not trust our certificate; give it the CA that signed it',
      ];
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_NO_SHARED_CIPHER':
      return [
        'tls.legacy-client',
        `TLS refused: the sender offers only old versions or ciphers (${code}); BCP 195 needs TLS 1.2 with ECDHE and GCM`,
      ];
    case 'ECONNRESET':
      return [
        'tls.closed',
        'TLS handshake broken off: the sender closed the connection, or its certificate was refused',
      ];
    default:
      return ['tls.failed', `TLS handshake failed: ${message.replace(/^.*routines:/, '')}`];
  }
}
