/** What an association is opened for, and what came of it: the requestor's side of negotiation (PS3.7 annex D.3). Pure. */
import { payloadPerPdu } from '../dimse/pdvWriter.ts';
import { implementationClassUid, implementationVersionName, uid } from '../uids.ts';
import {
  type AssociateAc,
  type AssociateRq,
  contextResult,
  type ProposedContext,
  type RoleSelection,
} from '../upperLayer/pdu.ts';
import type { Serve } from './peerRequests.ts';

/** What is proposed beside the contexts, and served. */
export type Proposal = {
  /** SOP classes for which we would be something else than SCU only (PS3.7 D.3.3.4). */
  roleSelections?: readonly RoleSelection[];
  /** Requests that we would like to have unanswered at a time (PS3.7 D.3.3.3); 0 is any number. Left out: 1. */
  operationsWindow?: number;
  /** Answers requests that the peer makes of us on the association. Left out: they are refused with 0211H. */
  serve?: Serve;
};

/** What we can receive: responses are small. */
export const maximumLength = 16 * 1024;

export function requestFor(
  titles: { callingAeTitle: string; calledAeTitle: string },
  contexts: ProposedContext[],
  { roleSelections = [], operationsWindow = 1 }: Proposal,
): AssociateRq {
  // 1/1 is what holds without the item; a peer that does not know it need not see it.
  const window =
    operationsWindow === 1 ? {} : { asynchronousOperationsWindow: { invoked: operationsWindow, performed: 1 } };
  return {
    type: 'associate-rq',
    protocolVersion: 1,
    calledAeTitle: titles.calledAeTitle,
    callingAeTitle: titles.callingAeTitle,
    applicationContext: uid.applicationContext,
    contexts,
    userInformation: {
      maximumLength,
      implementationClassUid,
      implementationVersionName,
      roleSelections: [...roleSelections],
      ...window,
    },
  };
}

export class Agreement {
  readonly #answer: AssociateAc;
  readonly #proposed: Proposal;

  constructor(answer: AssociateAc, proposed: Proposal) {
    this.#answer = answer;
    this.#proposed = proposed;
  }

  /** PS3.8 table 9-18; undefined when the peer did not answer the proposal at all. */
  contextResult(contextId: number): number | undefined {
    return this.#answer.contexts.find((context) => context.id === contextId)?.result;
  }

  isAccepted(contextId: number): boolean {
    return this.contextResult(contextId) === contextResult.acceptance;
  }

  /**
   * Our roles for a SOP class. What was not proposed, or not answered, is as it is by default: SCU. A role that was not
   * proposed is not granted, whatever the answer says (PS3.7 D.3.3.4).
   */
  roles(sopClassUid: string): { scu: boolean; scp: boolean } {
    const isFor = (role: RoleSelection) => role.sopClassUid === sopClassUid;
    const proposed = this.#proposed.roleSelections?.find(isFor);
    const answered = this.#answer.userInformation.roleSelections.find(isFor);
    if (proposed === undefined || answered === undefined) return { scu: true, scp: false };
    return { scu: proposed.scu && answered.scu, scp: proposed.scp && answered.scp };
  }

  /** Requests that may be unanswered at a time: as many as were proposed, or fewer. */
  get operationsWindow(): number {
    const size = (window: number | undefined) => (window === 0 ? Number.POSITIVE_INFINITY : (window ?? 1));
    const granted = this.#answer.userInformation.asynchronousOperationsWindow?.invoked;
    return Math.min(size(this.#proposed.operationsWindow), size(granted));
  }

  /** Bytes of payload in a P-DATA-TF that the peer takes. */
  get payload(): number {
    return payloadPerPdu(this.#answer.userInformation.maximumLength);
  }
}
