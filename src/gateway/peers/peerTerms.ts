/** What applies to the associations of one peer: its limits, and what it may propose. Pure. */
import type { AssociationLimits, PeerTerms } from '../../dicom/services/access.ts';
import { isStorageSopClass, uid } from '../../dicom/uids.ts';
import type { NegotiationPolicy } from '../../dicom/upperLayer/negotiation.ts';
import type { LimitsConfiguration, PeerConfiguration } from '../config/configuration.ts';

/** Storage Commitment Push Model (PS3.4 J.3). */
export const storageCommitmentPushModel = '1.2.840.10008.1.20.1';

/** The limits of everybody, as an association takes them. */
export function associationLimits(limits: LimitsConfiguration): AssociationLimits {
  return {
    maxPduLength: limits.maxPduLength,
    presentationContexts: limits.presentationContexts,
    associateRequestBytes: limits.associateRequestBytes,
    instanceBytes: limits.instanceBytes,
    associationBytes: limits.associationBytes,
    artimMs: limits.artimTimeout,
    idleMs: limits.idleTimeout,
    minimumRate: limits.minimumRate,
    operationsWindow: limits.operationsWindow,
  };
}

function ownLimits({ limits }: PeerConfiguration): Partial<AssociationLimits> | undefined {
  if (limits === undefined) return undefined;
  const { associations: _counted, idleTimeout, ...same } = limits;
  return { ...same, ...(idleTimeout === undefined ? {} : { idleMs: idleTimeout }) };
}

function mayStore(sopClasses: readonly string[] | undefined, abstractSyntax: string): boolean {
  if (!isStorageSopClass(abstractSyntax)) return false;
  if (sopClasses === undefined) return true;
  return sopClasses.some((allowed) =>
    allowed.endsWith('.') ? abstractSyntax.startsWith(allowed) : abstractSyntax === allowed,
  );
}

/** Verification always; storage as `sopClasses` says; storage commitment only where it is configured. */
export function negotiationPolicy(peer: PeerConfiguration): NegotiationPolicy {
  return {
    accepts: (abstractSyntax) =>
      abstractSyntax === uid.verification ||
      (abstractSyntax === storageCommitmentPushModel && peer.storageCommitment !== undefined) ||
      mayStore(peer.sopClasses, abstractSyntax),
    transferSyntaxPreference: peer.transferSyntaxPreference ?? [],
  };
}

export function peerTerms(peer: PeerConfiguration): PeerTerms {
  const limits = ownLimits(peer);
  return {
    entry: peer.aeTitle,
    negotiation: negotiationPolicy(peer),
    ...(limits === undefined ? {} : { limits }),
    ...(peer.userIdentity === undefined ? {} : { userIdentityConfirmed: true }),
  };
}
