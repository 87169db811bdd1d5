/** Presentation context negotiation for an acceptor (PS3.8 7.1.1.13, 9.3.3.2). Pure. */
import { isStorageSopClass, isUid, uid } from '../uids.ts';
import { type ContextResult, contextResult, type ProposedContext, type RoleSelection } from './pdu.ts';

export type NegotiationPolicy = {
  /** Which abstract syntaxes are served. Default: Verification and every storage SOP class, standard or private. */
  accepts(abstractSyntax: string): boolean;
  /** Transfer syntaxes in order of preference; those not listed follow in the order in which the peer proposed them. */
  transferSyntaxPreference: readonly string[];
};

export const defaultNegotiationPolicy: NegotiationPolicy = {
  accepts: (abstractSyntax) => abstractSyntax === uid.verification || isStorageSopClass(abstractSyntax),
  transferSyntaxPreference: [],
};

export type AcceptedContext = { id: number; abstractSyntax: string; transferSyntax: string };

/**
 * The transfer syntax in which we would like to receive. Everything is stored as it is sent, so the peer's own order
 * decides; it lists the syntax that it holds the object in first.
 */
function choose(proposed: readonly string[], preference: readonly string[]): string | undefined {
  const usable = proposed.filter(isUid);
  return preference.find((syntax) => usable.includes(syntax)) ?? usable[0];
}

function answer(context: ProposedContext, policy: NegotiationPolicy): ContextResult {
  const first = context.transferSyntaxes[0] ?? uid.implicitVrLittleEndian;
  if (!policy.accepts(context.abstractSyntax)) {
    return { id: context.id, result: contextResult.abstractSyntaxNotSupported, transferSyntax: first };
  }
  const chosen = choose(context.transferSyntaxes, policy.transferSyntaxPreference);
  if (chosen === undefined) {
    return { id: context.id, result: contextResult.transferSyntaxesNotSupported, transferSyntax: first };
  }
  return { id: context.id, result: contextResult.acceptance, transferSyntax: chosen };
}

/**
 * Answers each proposed context. An ID that is even or comes twice makes the whole request invalid: `problem` says so,
 * and the association is to be aborted rather than half understood.
 */
export function negotiate(
  proposed: readonly ProposedContext[],
  policy: NegotiationPolicy,
): { results: ContextResult[]; accepted: Map<number, AcceptedContext> } | { problem: string } {
  const accepted = new Map<number, AcceptedContext>();
  const results: ContextResult[] = [];
  const seen = new Set<number>();
  for (const context of proposed) {
    if (context.id % 2 === 0) return { problem: `presentation context ID ${context.id} is even` };
    if (seen.has(context.id)) return { problem: `presentation context ID ${context.id} comes twice` };
    seen.add(context.id);
    const result = answer(context, policy);
    results.push(result);
    if (result.result === contextResult.acceptance) {
      accepted.set(context.id, {
        id: context.id,
        abstractSyntax: context.abstractSyntax,
        transferSyntax: result.transferSyntax,
      });
    }
  }
  return { results, accepted };
}

/**
 * We are SCP only: of what is proposed the SCU role is granted and the SCP role is not (PS3.7 D.3.3.4). Each of the
 * `accepted` abstract syntaxes is answered once, so the answer stays small whatever a peer proposes.
 */
export function answerRoles(proposed: readonly RoleSelection[], accepted: ReadonlySet<string>): RoleSelection[] {
  const bySopClass = new Map(proposed.map((role) => [role.sopClassUid, role]));
  return [...bySopClass.values()]
    .filter((role) => accepted.has(role.sopClassUid))
    .map((role) => ({ sopClassUid: role.sopClassUid, scu: role.scu, scp: false }));
}
