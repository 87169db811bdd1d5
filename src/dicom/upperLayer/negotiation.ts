/** What an acceptor answers to a proposal: presentation contexts (PS3.8 7.1.1.13, 9.3.3.2) and PS3.7 annex D.3.3. Pure. */
import { isStandardStorageSopClass, isStorageSopClass, isUid, uid } from '../uids.ts';
import {
  type CommonExtendedNegotiation,
  type ContextResult,
  contextResult,
  type ExtendedNegotiation,
  type OperationsWindow,
  type ProposedContext,
  type RoleSelection,
} from './pduTypes.ts';

export type Roles = { scu: boolean; scp: boolean };

export type NegotiationPolicy = {
  /** Which abstract syntaxes are served. Default: Verification and every storage SOP class, standard or private. */
  accepts(abstractSyntax: string): boolean;
  /** Transfer syntaxes in order of preference; those not listed follow in the order in which the peer proposed them. */
  transferSyntaxPreference: readonly string[];
  /** Roles in which a requestor may act, of those that it proposes. Left out: SCU only, since we are SCP of everything. */
  roles?(abstractSyntax: string): Roles;
};

export const defaultNegotiationPolicy: NegotiationPolicy = {
  accepts: (abstractSyntax) => abstractSyntax === uid.verification || isStorageSopClass(abstractSyntax),
  transferSyntaxPreference: [],
};

export type AcceptedContext = { id: number; abstractSyntax: string; transferSyntax: string };

/** Services that read the data sets which they are sent, and the transfer syntaxes in which they can. */
const readIn: ReadonlyMap<string, readonly string[]> = new Map([
  [uid.storageCommitmentPushModel, [uid.explicitVrLittleEndian, uid.implicitVrLittleEndian]],
]);

/**
 * The transfer syntax in which we would like to receive. Everything is stored as it is sent, so the peer's own order
 * decides; it lists the syntax that it holds the object in first.
 */
function choose(
  { abstractSyntax, transferSyntaxes }: ProposedContext,
  preference: readonly string[],
): string | undefined {
  const readable = readIn.get(abstractSyntax);
  const usable = transferSyntaxes.filter((syntax) => isUid(syntax) && (readable?.includes(syntax) ?? true));
  return preference.find((syntax) => usable.includes(syntax)) ?? usable[0];
}

function answer(context: ProposedContext, policy: NegotiationPolicy, roles: Roles | undefined): ContextResult {
  const { id, abstractSyntax } = context;
  const chosen = choose(context, policy.transferSyntaxPreference);
  // Without acceptance the transfer syntax means nothing (PS3.8 table 9-18).
  const transferSyntax = chosen ?? uid.implicitVrLittleEndian;
  if (!policy.accepts(abstractSyntax)) return { id, result: contextResult.abstractSyntaxNotSupported, transferSyntax };
  // Neither role is granted: nobody could do anything on this context.
  if (roles && !roles.scu && !roles.scp) return { id, result: contextResult.userRejection, transferSyntax };
  const result = chosen === undefined ? contextResult.transferSyntaxesNotSupported : contextResult.acceptance;
  return { id, result, transferSyntax };
}

/**
 * Answers each proposed context. An ID that is even or comes twice makes the whole request invalid: `problem` says so,
 * and the association is to be aborted rather than half understood.
 */
export function negotiate(
  proposed: readonly ProposedContext[],
  policy: NegotiationPolicy,
  proposedRoles: readonly RoleSelection[] = [],
): { results: ContextResult[]; accepted: Map<number, AcceptedContext> } | { problem: string } {
  const accepted = new Map<number, AcceptedContext>();
  const results: ContextResult[] = [];
  const roles = grantRoles(proposedRoles, policy);
  const seen = new Set<number>();
  for (const context of proposed) {
    if (context.id % 2 === 0) return { problem: `presentation context ID ${context.id} is even` };
    if (seen.has(context.id)) return { problem: `presentation context ID ${context.id} comes twice` };
    seen.add(context.id);
    const result = answer(context, policy, roles.get(context.abstractSyntax));
    results.push(result);
    if (result.result === contextResult.acceptance) {
      const { id, abstractSyntax } = context;
      accepted.set(id, { id, abstractSyntax, transferSyntax: result.transferSyntax });
    }
  }
  return { results, accepted };
}

/** PS3.7 D.3.3.4: a role is granted (1) only where it was proposed. A proposal of neither role proposes nothing. */
function grantRoles(proposed: readonly RoleSelection[], policy: NegotiationPolicy): Map<string, Roles> {
  const granted = new Map<string, Roles>();
  for (const { sopClassUid, scu, scp } of proposed) {
    if (!scu && !scp) continue;
    const allowed = policy.roles?.(sopClassUid) ?? { scu: true, scp: false };
    granted.set(sopClassUid, { scu: scu && allowed.scu, scp: scp && allowed.scp });
  }
  return granted;
}

/**
 * What of the proposed roles is granted. What is not answered is as without a proposal: the requestor is SCU, we are SCP.
 * Each of the `accepted` abstract syntaxes is answered once, so the answer stays small whatever a peer proposes.
 */
export function answerRoles(
  proposed: readonly RoleSelection[],
  accepted: ReadonlySet<string>,
  policy: NegotiationPolicy = defaultNegotiationPolicy,
): RoleSelection[] {
  const granted = [...grantRoles(proposed, policy)].filter(([sopClassUid]) => accepted.has(sopClassUid));
  return granted.map(([sopClassUid, roles]) => ({ sopClassUid, ...roles }));
}

/**
 * PS3.7 D.3.3.3: undefined, and so 1/1, unless it was proposed. We take up to `most` requests at a time, and invoke
 * notifications (N-EVENT-REPORT) one after another.
 */
export function answerWindow(proposed: OperationsWindow | undefined, most: number): OperationsWindow | undefined {
  if (proposed === undefined) return undefined;
  return { invoked: proposed.invoked === 0 ? most : Math.min(proposed.invoked, most), performed: 1 };
}

/** Storage, as a service class (PS3.6 annex A). */
const storageServiceClass = '1.2.840.10008.4.2';

/**
 * PS3.4 table B.3-2: level of support 2 (full: every attribute is kept, private ones too), level of digital signature
 * support 3 (signatures stay intact, since every bit does), element coercion 0 (none), each followed by a reserved byte.
 */
const storageInformation = Buffer.from([2, 0, 3, 0, 0, 0]);

/**
 * PS3.7 D.3.3.5, for storage SOP classes: the standard's, and those that the peer declares to be of the Storage service
 * class (57H). For others we know of no meaning, and what is not answered is as without a proposal. One answer for each of
 * the `accepted` abstract syntaxes at most.
 */
export function answerExtendedNegotiations(
  proposed: readonly ExtendedNegotiation[],
  accepted: ReadonlySet<string>,
  declared: readonly CommonExtendedNegotiation[] = [],
): ExtendedNegotiation[] {
  const isStorage = (sopClass: string) =>
    isStandardStorageSopClass(sopClass) ||
    declared.some((one) => one.sopClassUid === sopClass && one.serviceClassUid === storageServiceClass);
  const sopClasses = new Set(proposed.map((one) => one.sopClassUid));
  return [...sopClasses]
    .filter((sopClassUid) => accepted.has(sopClassUid) && isStorage(sopClassUid))
    .map((sopClassUid) => ({ sopClassUid, applicationInformation: storageInformation }));
}
