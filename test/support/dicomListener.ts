/** A DICOM listener on a free port of the loopback, with its log in memory and limits that a test may set. */
import { createMemoryLog } from '../../src/base/log.ts';
import type { AccessPolicy, AssociationLimits, LimitName } from '../../src/dicom/services/access.ts';
import type { Knock, LimitCaller } from '../../src/dicom/services/associationObserver.ts';
import type { Intake, StorageResult } from '../../src/dicom/services/storage.ts';
import { type CommitmentDesk, StorageCommitmentService } from '../../src/dicom/services/storageCommitment.ts';
import type { ClientTrust } from '../../src/dicom/transport/clientTrust.ts';
import { ConnectionGate } from '../../src/dicom/transport/connectionGate.ts';
import { Listener, type TlsMaterial } from '../../src/dicom/transport/listener.ts';
import type { ReadingMode } from '../../src/dicom/transport/socketReader.ts';
import { systemTimers } from '../../src/dicom/transport/socketTransport.ts';
import { uid } from '../../src/dicom/uids.ts';
import { defaultNegotiationPolicy, type NegotiationPolicy } from '../../src/dicom/upperLayer/negotiation.ts';

const withCommitment: NegotiationPolicy = {
  ...defaultNegotiationPolicy,
  accepts: (abstractSyntax) =>
    abstractSyntax === uid.storageCommitmentPushModel || defaultNegotiationPolicy.accepts(abstractSyntax),
};

export const defaultLimits: AssociationLimits = {
  maxPduLength: 128 * 1024,
  presentationContexts: 128,
  associateRequestBytes: 256 * 1024,
  instanceBytes: 2 ** 40,
  associationBytes: 2 ** 50,
  artimMs: 30_000,
  idleMs: 60_000,
  minimumRate: 0,
  operationsWindow: 1,
};

export type LogLine = { event: string; level: string; msg: string } & Record<string, unknown>;

export type TestListener = {
  port: number;
  listener: Listener;
  lines: LogLine[];
  results: StorageResult[];
  /** Each limit that somebody ran into. */
  limits: LimitName[];
  /** Who did, in the same order. */
  limitCallers: LimitCaller[];
  /** Resolves with the next log line of this event (or one that is there already). */
  logged(event: string): Promise<LogLine>;
  stop(): Promise<void>;
};

export async function startListener(options: {
  intake: Intake;
  /** Default 127.0.0.1. */
  host?: string;
  tls?: TlsMaterial;
  limits?: Partial<AssociationLimits>;
  access?: AccessPolicy;
  maxConnections?: number;
  pendingConnections?: number;
  clientTrust?: ClientTrust;
  reading?: ReadingMode;
  onRejected?: (knock: Knock) => void;
  /** With it storage commitment is offered to everybody. */
  commitment?: CommitmentDesk;
}): Promise<TestListener> {
  const { log, lines } = createMemoryLog();
  const results: StorageResult[] = [];
  const limits: LimitName[] = [];
  const limitCallers: LimitCaller[] = [];
  const desk = options.commitment;
  const listener = new Listener({
    name: options.tls ? 'dicom-tls' : 'dicom',
    host: options.host ?? '127.0.0.1',
    port: 0,
    tls: options.tls,
    gate: new ConnectionGate({
      limits: {
        connections: options.maxConnections ?? 100,
        pendingConnections: options.pendingConnections ?? options.maxConnections ?? 100,
      },
      timers: systemTimers,
      monotonic: () => performance.now(),
    }),
    ...(options.clientTrust === undefined ? {} : { clientTrust: options.clientTrust }),
    log,
    ...(options.reading === undefined ? {} : { reading: options.reading }),
    context: {
      limits: { ...defaultLimits, ...options.limits },
      access: options.access ?? { admit: () => ({ admitted: true }) },
      negotiation: desk ? withCommitment : defaultNegotiationPolicy,
      ...(desk ? { services: (served) => [new StorageCommitmentService({ ...served, desk })] } : {}),
      intake: options.intake,
      timers: systemTimers,
      monotonic: () => performance.now(),
      log,
      observer: {
        onAdmitted: () => {},
        onRejected: (knock) => options.onRejected?.(knock),
        onInstance: (_association, result) => void results.push(result),
        onClosed: () => {},
        onHeld: () => {},
        onHandshakeFailed: () => {},
        onLimit: (limit, who) => {
          limits.push(limit);
          limitCallers.push(who);
        },
      },
    },
  });
  const port = await listener.listen();
  return {
    port,
    listener,
    lines,
    results,
    limits,
    limitCallers,
    logged: async (event) => {
      for (;;) {
        const line = lines.find((candidate) => candidate.event === event);
        if (line) return line;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    stop: () => listener.stop(0),
  };
}
