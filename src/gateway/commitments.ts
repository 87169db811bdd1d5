/** Joins storage commitment with the configuration's peers, the spool and the warnings. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { Commitments } from '../commitment/commitments.ts';
import type { CommitmentTerms } from '../commitment/options.ts';
import type { TlsClientMaterial } from '../dicom/scu/connect.ts';
import { defaultTimeouts, type ScuTarget } from '../dicom/scu/requestor.ts';
import { isStorageSopClass } from '../dicom/uids.ts';
import type { Spool } from '../spool/spool.ts';
import type { CommitmentStatus } from '../web/status.ts';
import type { Health } from '../web/warnings.ts';
import type { Configuration, PeerConfiguration } from './config/configuration.ts';
import type { PeerDirectory } from './peers/peerDirectory.ts';
import { statePaths } from './statePaths.ts';
import { loadTls } from './tls/tlsFiles.ts';

type Report = NonNullable<NonNullable<PeerConfiguration['storageCommitment']>['report']>;

/** Read at each attempt: a certificate that was renewed meanwhile is used. */
function reportTls(
  tls: NonNullable<Report['tls']>,
  { listeners }: Pick<Configuration, 'listeners'>,
): TlsClientMaterial {
  const { certificateFile, keyFile } = tls;
  const listenerTls = listeners.find((listener) => listener.tls)?.tls;
  const own =
    certificateFile && keyFile
      ? { certificate: readFileSync(certificateFile), key: readFileSync(keyFile) }
      : listenerTls && loadTls(listenerTls).loaded?.material;
  return {
    ca: readFileSync(tls.caFile),
    ...(own ? { certificate: own.certificate, key: own.key } : {}),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
  };
}

function targetOf(
  report: Report,
  config: Pick<Configuration, 'listeners'>,
): (transaction: { peer: string; calledAeTitle: string }) => ScuTarget {
  return ({ peer, calledAeTitle }) => ({
    host: report.host,
    port: report.port,
    callingAeTitle: calledAeTitle, // the title by which the peer knows us
    calledAeTitle: report.aeTitle ?? peer,
    ...(report.tls === undefined ? {} : { tls: reportTls(report.tls, config) }),
  });
}

/** What holds for a calling AE title by the configuration in force. */
export function commitmentTerms(
  aeTitle: string,
  peers: PeerDirectory,
  config: Pick<Configuration, 'listeners'>,
): CommitmentTerms | undefined {
  const found = peers.find(aeTitle);
  const commitment = found?.peer.storageCommitment;
  if (found === undefined || commitment === undefined) return undefined;
  return {
    account: found.peer.aeTitle,
    means: commitment.means,
    sameAssociation: commitment.sameAssociation,
    supports: (sopClassUid) =>
      isStorageSopClass(sopClassUid) && (found.terms.negotiation?.accepts(sopClassUid) ?? true),
    target: commitment.report && targetOf(commitment.report, config),
  };
}

/** `config` and `peers` are asked when something is to be decided: both may change in service. */
export function openCommitments(parts: {
  config: Configuration;
  peers(): PeerDirectory;
  spool: Spool;
  log: Log;
}): Promise<Commitments> {
  const { config, peers, spool, log } = parts;
  const { giveUpAfter, reportRetry, pendingPerPeer, instancesPerRequest } = config.storageCommitment;
  return Commitments.open({
    directory: statePaths(config.stateDirectory).commitments,
    terms: (aeTitle) => commitmentTerms(aeTitle, peers(), config),
    spool,
    giveUpAfterMs: giveUpAfter,
    reportRetry: {
      initialMs: reportRetry.initial,
      capMs: reportRetry.cap,
      giveUpAfterMs: reportRetry.giveUpAfter,
    },
    answerMs: defaultTimeouts.responseMs,
    pendingPerPeer,
    instancesPerRequest,
    clock: systemClock,
    log,
  });
}

export const commitmentStatuses = (commitments: Commitments): CommitmentStatus[] =>
  commitments.figures().map(({ peer, ...figures }) => ({ aeTitle: peer, ...figures }));

/** Raises and clears the warnings about storage commitment, each time that it is called. */
export function commitmentLook(commitments: Commitments, health: Health): () => void {
  let raised: readonly string[] = [];
  return () => {
    const { failing, damaged } = commitments.troubles();
    const peers = failing.map(({ peer }) => peer);
    for (const peer of raised) if (!peers.includes(peer)) health.clear('commitment.unreported', peer);
    for (const { peer, ...trouble } of failing) {
      health.raise('commitment.unreported', { peer, ...trouble }, peer);
    }
    raised = peers;
    health.set(damaged > 0, 'commitment.damaged', { count: damaged });
    const dropped = commitments.figures().reduce((sum, figures) => sum + figures.dropped, 0);
    health.set(dropped > 0, 'commitment.dropped', { count: dropped });
  };
}
