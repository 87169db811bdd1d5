/**
 * A DICOM listener: one TCP server bound to its own address. What it accepts passes the gate, then TLS when there is any, and
 * becomes an association with its first bytes. Calls that are meant for another kind of server are named as such in the log.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Log } from '../../base/log.ts';
import { AcceptedAssociation, type AcceptedAssociationContext } from '../services/acceptedAssociation.ts';
import type { Caller, CallerCertificate } from '../services/access.ts';
import { type ClientTrust, trustNobody } from './clientTrust.ts';
import type { ConnectionGate, Shed, Ticket } from './connectionGate.ts';
import { misdialOnPlain } from './misdial.ts';
import { plainAddress } from './plainAddress.ts';
import { type ReadingMode, readSocket } from './socketReader.ts';
import { socketTransport } from './socketTransport.ts';
import { type TlsMaterial, TlsTerminator } from './tlsTerminator.ts';
import { explainRefusedCertificate, explainTlsError } from './tlsWords.ts';

export type { TlsMaterial } from './tlsTerminator.ts';

export type ListenerOptions = {
  name: string;
  host: string;
  port: number;
  tls: TlsMaterial | undefined;
  /** Which unverified certificates may come in all the same; default none. */
  clientTrust?: ClientTrust;
  /** Counts connections, for all listeners that share it. */
  gate: ConnectionGate;
  /** How bytes are read; default 'shared-buffer' (socketReader.ts). */
  reading?: ReadingMode;
  context: Omit<AcceptedAssociationContext, 'caller'>;
  log: Log;
};

/** A connection from its TCP accept to its end. */
type Connection = { address: string; port: number; ticket: Ticket; shed: Shed | undefined };

/** A connection that is closed already has none. */
const callerAddress = (remote: string | undefined) => plainAddress(remote ?? 'unknown');

const idleCheckMs = 1_000;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #associations = new Set<AcceptedAssociation>();
  readonly #open = new Set<Socket>();
  /** Also of closed ones: a TLS handshake may be reported as broken off after its connection is gone. */
  readonly #connections = new WeakMap<Socket, Connection>();
  readonly #log: Log;
  #terminator: TlsTerminator | undefined;
  #idleCheck: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#log = options.log.child({ listener: options.name });
    if (options.tls) this.#terminator = this.#createTerminator(options.tls);
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
    // Closed by Node before they cost a socket; the gate counts those of the other listeners too.
    this.#server.maxConnections = options.gate.limits.connections;
    this.#server.on('drop', (dropped) => this.#turnAway(callerAddress(dropped?.remoteAddress)));
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

  /**
   * New connections get this certificate and are judged by these authorities; open ones go on. Throws what OpenSSL says of
   * unusable material, and changes nothing then.
   */
  replaceTls(material: TlsMaterial): void {
    this.#terminator = this.#createTerminator(material);
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
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #accept(raw: Socket): void {
    raw.on('error', () => {}); // its consequence, the close, is what is handled
    if (this.#stopping) return void raw.destroy();
    const { gate, context } = this.#options;
    const address = callerAddress(raw.remoteAddress);
    const onShed = (why: Shed) => this.#onShed(raw, why);
    const ticket = gate.enter({ destroy: () => raw.destroy(), onShed }, context.limits.artimMs);
    if (ticket === undefined) {
      raw.destroy();
      return this.#turnAway(address);
    }
    const connection: Connection = { address, port: raw.remotePort ?? 0, ticket, shed: undefined };
    this.#connections.set(raw, connection);
    this.#open.add(raw);
    raw.once('close', () => {
      ticket.left();
      this.#open.delete(raw);
    });
    if (this.#terminator) this.#terminator.take(raw);
    else this.#serve(raw, connection, undefined);
  }

  /** `socket`: what carries DICOM, the TCP connection itself or TLS on it. */
  #serve(socket: Socket, connection: Connection, certificate: CallerCertificate | undefined): void {
    socket.on('error', () => {});
    if (this.#stopping) return void socket.destroy();
    let association: AcceptedAssociation | undefined;
    let pending = true;
    const ended = () => association?.transportClosed();
    socket.on('end', ended);
    socket.on('close', ended);
    const onBytes = (bytes: Buffer) => {
      if (association === undefined) {
        if (!this.isTls && this.#isMisdialled(bytes, socket, connection)) return;
        association = this.#begin(socket, connection, certificate);
      }
      if (pending) connection.ticket.received(bytes.length);
      if (connection.shed) return;
      association.receive(bytes);
      if (pending && association.admitted) {
        pending = false;
        connection.ticket.admitted();
      }
    };
    readSocket(socket, onBytes, this.#options.reading);
  }

  /** A connection that says nothing costs no association. */
  #begin(socket: Socket, connection: Connection, certificate: CallerCertificate | undefined): AcceptedAssociation {
    const caller: Caller = {
      address: connection.address,
      port: connection.port,
      listener: this.#options.name,
      ...(certificate === undefined ? {} : { certificate }),
    };
    const association = new AcceptedAssociation(socketTransport(socket), { ...this.#options.context, caller });
    this.#associations.add(association);
    socket.on('close', () => this.#associations.delete(association));
    return association;
  }

  #isMisdialled(bytes: Buffer, socket: Socket, { address }: Connection): boolean {
    const misdial = misdialOnPlain(bytes);
    if (misdial === undefined) return false;
    const [event, message] = misdial;
    this.#log.warn(event, message, { address });
    socket.destroy();
    return true;
  }

  #turnAway(address: string): void {
    const { connections } = this.#options.gate.limits;
    this.#log.warn('listener.full', `connection dropped: ${connections} are open already`, { address });
    this.#options.context.observer.onLimit('connections', { address });
  }

  #onShed(raw: Socket, why: Shed): void {
    const connection = this.#connections.get(raw);
    if (connection === undefined) return;
    connection.shed = why;
    const { address } = connection;
    const { gate, context } = this.#options;
    if (why === 'artimTimeout') {
      const { artimMs } = context.limits;
      const message = `connection closed: no A-ASSOCIATE-RQ within ${artimMs} ms; limits.artimTimeout is ${artimMs} ms`;
      this.#log.warn('listener.no-request', message, { address });
    } else {
      const limit = `limits.pendingConnections is ${gate.limits.pendingConnections}`;
      const message = `connection closed: of those that have not asked for an association it was the oldest, or had sent most; ${limit}`;
      this.#log.warn('listener.too-many-pending', message, { address });
    }
    context.observer.onLimit(why, { address });
  }

  #createTerminator(material: TlsMaterial): TlsTerminator {
    return new TlsTerminator(material, this.#options.clientTrust ?? trustNobody, {
      onSecure: (raw, socket, certificate) => {
        const connection = this.#connections.get(raw);
        if (connection) this.#serve(socket, connection, certificate);
        else socket.destroy();
      },
      onFailed: (raw, failure) => {
        const connection = raw && this.#connections.get(raw);
        raw?.destroy();
        if (connection?.shed) return; // said already
        const address = connection?.address ?? 'unknown';
        const code = 'refused' in failure ? failure.refused : failure.code;
        const [event, message] =
          'refused' in failure ? explainRefusedCertificate(code) : explainTlsError(code, failure.message);
        this.#log.warn(event, message, { address, code });
        this.#options.context.observer.onHandshakeFailed({ address });
      },
    });
  }
}
