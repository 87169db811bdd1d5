/** Whom an SCU calls, and how long it waits for what. */
import type { PeerAddress } from './connect.ts';

export type ScuTimeouts = {
  /** TCP connection and TLS handshake, milliseconds. */
  connectMs: number;
  /** From A-ASSOCIATE-RQ to its answer, and for the release. */
  associateMs: number;
  /** From a request's last byte to its response; also how long a peer may take nothing more of what is being sent. */
  responseMs: number;
};

export const defaultTimeouts: ScuTimeouts = { connectMs: 10_000, associateMs: 30_000, responseMs: 60_000 };

export type ScuTarget = PeerAddress & {
  callingAeTitle: string;
  calledAeTitle: string;
  timeouts?: Partial<ScuTimeouts>;
  signal?: AbortSignal;
};

/** As errors name it. */
export const subjectOf = ({ calledAeTitle, host, port }: ScuTarget) => `${calledAeTitle} at ${host}:${port}`;
