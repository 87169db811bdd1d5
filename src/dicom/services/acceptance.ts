/** The A-ASSOCIATE-AC that answers an admitted A-ASSOCIATE-RQ (PS3.8 9.3.3, PS3.7 annex D.3.3). Pure. */
import { implementationClassUid, implementationVersionName } from '../uids.ts';
import {
  type AcceptedContext,
  answerExtendedNegotiations,
  answerRoles,
  answerWindow,
  type NegotiationPolicy,
  negotiate,
} from '../upperLayer/negotiation.ts';
import type { AcceptedUserInformation, AssociateAc, AssociateRq } from '../upperLayer/pdu.ts';
import type { AssociationLimits } from './access.ts';

export type Acceptance = {
  answer: AssociateAc;
  contexts: Map<number, AcceptedContext>;
  /** Requests that the peer may have unanswered at a time. */
  operationsWindow: number;
};

export type AcceptanceTerms = {
  limits: Pick<AssociationLimits, 'maxPduLength' | 'operationsWindow'>;
  negotiation: NegotiationPolicy;
  userIdentityConfirmed: boolean;
};

/** `problem`: the request makes no sense as a whole, and the association is to be aborted. */
export function acceptanceOf(request: AssociateRq, terms: AcceptanceTerms): Acceptance | { problem: string } {
  const proposed = request.userInformation;
  const negotiated = negotiate(request.contexts, terms.negotiation, proposed.roleSelections);
  if ('problem' in negotiated) return negotiated;
  const { results, accepted: contexts } = negotiated;
  const accepted = new Set([...contexts.values()].map((context) => context.abstractSyntax));
  const window = answerWindow(proposed.asynchronousOperationsWindow, terms.limits.operationsWindow);
  const extended = answerExtendedNegotiations(
    proposed.extendedNegotiations ?? [],
    accepted,
    proposed.commonExtendedNegotiations,
  );
  const userInformation: AcceptedUserInformation = {
    maximumLength: terms.limits.maxPduLength,
    implementationClassUid,
    implementationVersionName,
    roleSelections: answerRoles(proposed.roleSelections, accepted, terms.negotiation),
    ...(window === undefined ? {} : { asynchronousOperationsWindow: window }),
    ...(extended.length === 0 ? {} : { extendedNegotiations: extended }),
    ...userIdentityResponse(request, terms),
  };
  const { calledAeTitle, callingAeTitle } = request;
  const answer: AssociateAc = {
    type: 'associate-ac',
    calledAeTitle,
    callingAeTitle,
    contexts: results,
    userInformation,
  };
  return { answer, contexts, operationsWindow: window?.invoked ?? 1 };
}

/**
 * PS3.7 D.3.3.7.2: an empty server response says that user name (1) or user name and passcode (2) were right. Silence
 * when nobody checked: an answer would claim that somebody did. Other types need a ticket or an assertion, which we have not.
 */
function userIdentityResponse(
  { userInformation: { userIdentity } }: AssociateRq,
  { userIdentityConfirmed }: AcceptanceTerms,
): Pick<AcceptedUserInformation, 'userIdentityResponse'> {
  const isDue = userIdentityConfirmed && userIdentity?.positiveResponseRequested && userIdentity.type <= 2;
  return isDue ? { userIdentityResponse: Buffer.alloc(0) } : {};
}
