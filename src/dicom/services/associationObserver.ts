/** What an association tells those who count, record and warn. */
import type { AssociateRq } from '../upperLayer/pdu.ts';
import type { AcceptedAssociation } from './acceptedAssociation.ts';
import type { Admission, Caller, LimitName } from './access.ts';
import type { Ending } from './associationLog.ts';
import type { Hold } from './backPressure.ts';
import type { StorageResult } from './intake.ts';

export type AssociationObserver = {
  onAdmitted(association: AcceptedAssociation): void;
  onRejected(knock: Knock): void;
  onInstance(association: AcceptedAssociation, result: StorageResult): void;
  onClosed(association: AcceptedAssociation, ending: Ending): void;
  /** The sender had to wait for `ms` (back-pressure). */
  onHeld(association: AcceptedAssociation, why: Hold, ms: number): void;
  /** A connection ended in its TLS handshake: nobody knows yet who called, only from where. */
  onHandshakeFailed(caller: { address: string }): void;
  onLimit(limit: LimitName, who: LimitCaller): void;
};

/** Who ran into a limit, as far as it is known. */
export type LimitCaller = {
  address: string;
  /** Calling AE title, printable. */
  aeTitle?: string;
  /** It is the own limit of this entry of the configuration; left out: everybody's. */
  entry?: string;
};

/**
 * An association that was asked for and refused. Texts as they came: whoever shows them makes them printable. The user
 * identity is not in it.
 */
export type Knock = { request: AssociateRq; caller: Caller; verdict: Extract<Admission, { admitted: false }> };
