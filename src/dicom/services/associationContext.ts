/** What an accepted association is given: all that it shares with the others of its listener, and who called. */
import type { Log } from '../../base/log.ts';
import type { Timers } from '../upperLayer/association.ts';
import type { NegotiationPolicy } from '../upperLayer/negotiation.ts';
import type { AccessPolicy, AssociationLimits, Caller } from './access.ts';
import type { AssociationObserver } from './associationObserver.ts';
import type { Intake } from './intake.ts';
import type { AssociationService, ServedAssociation } from './service.ts';

export type AcceptedAssociationContext = {
  caller: Caller;
  limits: AssociationLimits;
  access: AccessPolicy;
  negotiation: NegotiationPolicy;
  intake: Intake;
  /** Services beside Verification and Storage; each is for the contexts that the negotiation policy accepts. */
  services?(association: ServedAssociation): AssociationService[];
  observer: AssociationObserver;
  timers: Timers;
  monotonic: () => number;
  log: Log;
};
