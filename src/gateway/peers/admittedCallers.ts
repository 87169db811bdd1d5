/**
 * Who is in, and by what: so that a changed configuration can end the associations of those whom it admits no more. What was
 * shown at the request is kept in memory while the association is open, and nowhere else.
 */
import type { AcceptedAssociation, AssociationObserver } from '../../dicom/services/acceptedAssociation.ts';
import type { AccessPolicy, AccessRequest, Caller } from '../../dicom/services/access.ts';
import type { ReviewingPolicy } from './accessPolicy.ts';

/** The buffers that come with a request are parts of a longer one. */
function kept({ userIdentity, ...titles }: AccessRequest): AccessRequest {
  if (userIdentity === undefined) return titles;
  const [primary, secondary] = [Buffer.from(userIdentity.primary), Buffer.from(userIdentity.secondary)];
  return { ...titles, userIdentity: { ...userIdentity, primary, secondary } };
}

type Open = Pick<AcceptedAssociation, 'caller' | 'abort'>;

export class AdmittedCallers {
  readonly #policy: ReviewingPolicy;
  /** A connection has one caller and at most one association. */
  readonly #requests = new WeakMap<Caller, AccessRequest>();
  readonly #open = new Set<Open>();

  constructor(policy: ReviewingPolicy) {
    this.#policy = policy;
  }

  /** The policy, which is remembered to have admitted them. */
  get access(): AccessPolicy {
    return {
      admit: (request, caller) => {
        const admission = this.#policy.admit(request, caller);
        if (admission.admitted) this.#requests.set(caller, kept(request));
        return admission;
      },
    };
  }

  get observer(): AssociationObserver {
    const nothing = () => {};
    return {
      onAdmitted: (association) => void this.#open.add(association),
      onClosed: (association) => void this.#open.delete(association),
      onRejected: nothing,
      onInstance: nothing,
      onHeld: nothing,
      onHandshakeFailed: nothing,
      onLimit: nothing,
    };
  }

  /** Aborts the associations of those who are no peers any more; the others notice nothing. Answers how many it were. */
  review(): number {
    let ended = 0;
    for (const association of [...this.#open]) {
      const request = this.#requests.get(association.caller);
      const stranger = request && this.#policy.strangerNow(request, association.caller);
      if (stranger === undefined) continue;
      association.abort(`the configuration admits this sender no more: ${stranger.why}`);
      ended++;
    }
    return ended;
  }
}
