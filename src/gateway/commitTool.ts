/** `send --commit`: asks for storage commitment of what was sent, as a sender would, and waits for the reports. */
import { describeError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import type { CommitmentReport, SopReference } from '../dicom/dataSet/commitmentDataSets.ts';
import { type ReportReceiver, startReportReceiver } from '../dicom/scu/reportReceiver.ts';
import type { ScuTarget } from '../dicom/scu/requestor.ts';
import { newTransactionUid, requestCommitment } from '../dicom/scu/storageCommitment.ts';
import type { CommitmentOutcome } from './cli/dependencies.ts';

/** Fewer than most receivers take in one request. */
const instancesPerRequest = 1000;

export type CommitOptions = { listen?: { host: string; port: number }; waitMs: number };

type Reports = {
  wait(transactionUid: string, ms: number): Promise<CommitmentReport | undefined>;
  stop(): Promise<void>;
};

/** Without an address to listen at reports come only on the association of the request. */
async function collectReports({ tls }: ScuTarget, listen: CommitOptions['listen']): Promise<Reports> {
  const waiting = new Map<string, PromiseWithResolvers<CommitmentReport>>();
  const of = (transactionUid: string) => {
    const known = waiting.get(transactionUid) ?? Promise.withResolvers<CommitmentReport>();
    waiting.set(transactionUid, known);
    return known;
  };
  let receiver: ReportReceiver | undefined;
  if (listen) {
    // Over TLS, if what was sent went over TLS: with the same certificate, and the same authority for the caller's.
    const { certificate, key, ca } = tls ?? {};
    const material =
      certificate && key
        ? { certificate, key, clientCa: ca, requireClientCertificate: ca !== undefined, minVersion: 'TLSv1.2' as const }
        : undefined;
    receiver = await startReportReceiver({
      ...listen,
      ...(material === undefined ? {} : { tls: material }),
      log: createLog({ level: 'warn', name: 'send', fd: 2 }),
      onReport: (report) => {
        of(report.transactionUid).resolve(report);
        return 0;
      },
    });
  }
  return {
    wait(transactionUid, ms) {
      const { promise } = of(transactionUid);
      return Promise.race([promise, new Promise<undefined>((resolve) => setTimeout(resolve, ms, undefined).unref())]);
    },
    stop: async () => receiver?.stop(),
  };
}

/** Throws what makes listening impossible; what goes wrong with a request stands in the outcome. */
export async function commitSent(
  target: ScuTarget,
  references: readonly SopReference[],
  { listen, waitMs }: CommitOptions,
): Promise<CommitmentOutcome> {
  const outcome: CommitmentOutcome = {
    asked: references.length,
    committed: 0,
    transactions: [],
    failed: [],
    problems: [],
  };
  const reports = await collectReports(target, listen);
  try {
    for (let from = 0; from < references.length; from += instancesPerRequest) {
      if (target.signal?.aborted) break;
      await commitSome(
        target,
        references.slice(from, from + instancesPerRequest),
        reports,
        { listen, waitMs },
        outcome,
      );
    }
  } finally {
    await reports.stop();
  }
  return outcome;
}

async function commitSome(
  target: ScuTarget,
  references: readonly SopReference[],
  reports: Reports,
  { listen, waitMs }: { listen: CommitOptions['listen']; waitMs: number },
  outcome: CommitmentOutcome,
): Promise<void> {
  const transactionUid = newTransactionUid();
  outcome.transactions.push(transactionUid);
  try {
    const same = await requestCommitment(target, references, { transactionUid, waitMs: listen ? 0 : waitMs });
    const report = same.report ?? (listen && (await reports.wait(transactionUid, waitMs)));
    if (report === undefined) {
      const where = listen ? 'on the association or at the address listened at' : 'on the association';
      outcome.problems.push(`transaction ${transactionUid}: no report within ${waitMs / 1000} s ${where}`);
      return;
    }
    outcome.committed += report.committed.length;
    for (const { sopInstanceUid, failureReason } of report.failed) {
      outcome.failed.push({ sopInstanceUid, reason: `${failureReason.toString(16).padStart(4, '0')}H` });
    }
  } catch (error) {
    outcome.problems.push(`transaction ${transactionUid}: ${describeError(error)}`);
  }
}
