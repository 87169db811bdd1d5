/** Listens for the reports of storage commitment that an SCP sends on associations which it opens itself. */
import type { Log } from '../../base/log.ts';
import type { AssociationLimits } from '../services/access.ts';
import { type OnReport, reportReception } from '../services/reportReception.ts';
import { ConnectionGate } from '../transport/connectionGate.ts';
import { Listener, type TlsMaterial } from '../transport/listener.ts';
import { systemTimers } from '../transport/socketTransport.ts';
import { uid } from '../uids.ts';
import type { Timers } from '../upperLayer/association.ts';

const limits: AssociationLimits = {
  maxPduLength: 64 * 1024,
  presentationContexts: 128,
  associateRequestBytes: 256 * 1024,
  instanceBytes: 0,
  associationBytes: 256 * 1024 * 1024,
  artimMs: 30_000,
  idleMs: 60_000,
  minimumRate: 0,
  operationsWindow: 1,
};

const stopGraceMs = 2_000;

/** They keep no program from ending that has stopped listening. */
const idleTimers: Timers = {
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};

export type ReportReceiver = { port: number; stop(): Promise<void> };

/** Anybody may report: what is in a report counts only for the Transaction UID that was asked with. */
export async function startReportReceiver(options: {
  host: string;
  /** 0 takes any free one. */
  port: number;
  tls?: TlsMaterial;
  onReport: OnReport;
  log: Log;
}): Promise<ReportReceiver> {
  const { onReport, log } = options;
  const listener = new Listener({
    name: 'reports',
    host: options.host,
    port: options.port,
    tls: options.tls,
    gate: new ConnectionGate({
      limits: { connections: 16, pendingConnections: 16 },
      timers: idleTimers,
      monotonic: () => performance.now(),
    }),
    log,
    context: {
      limits,
      access: { admit: () => ({ admitted: true }) },
      negotiation: {
        accepts: (syntax) => syntax === uid.storageCommitmentPushModel || syntax === uid.verification,
        transferSyntaxPreference: [],
        // The one that calls is the SCP here (PS3.4 J.3.3.1.2).
        roles: (syntax) => ({ scu: syntax === uid.verification, scp: syntax === uid.storageCommitmentPushModel }),
      },
      intake: { begin: () => ({ refused: 'nothing is stored here' }) },
      services: (association) => [reportReception(association, onReport)],
      observer: {
        onAdmitted: () => {},
        onRejected: () => {},
        onInstance: () => {},
        onClosed: () => {},
        onHeld: () => {},
        onHandshakeFailed: () => {},
        onLimit: () => {},
      },
      timers: systemTimers,
      monotonic: () => performance.now(),
      log,
    },
  });
  const port = await listener.listen();
  // Whoever is reporting gets its answer, and may release.
  return { port, stop: () => listener.stop(stopGraceMs) };
}
