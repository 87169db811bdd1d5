/** The certificate that each admitted sender showed last: so that its end is known before the sender is turned away. */
import type { AssociationObserver } from '../../dicom/services/acceptedAssociation.ts';

export type LastSeen = { aeTitle: string; fingerprint: string; notAfter: number };

/** A listener with peer "*" admits AE titles without end. */
const maxPeers = 1_000;

export class PeerCertificates implements AssociationObserver {
  readonly #lastSeen = new Map<string, LastSeen>();

  get lastSeen(): LastSeen[] {
    return [...this.#lastSeen.values()];
  }

  onAdmitted({ callingAeTitle: aeTitle, caller }: Parameters<AssociationObserver['onAdmitted']>[0]): void {
    const { fingerprint, notAfter } = caller.certificate ?? {};
    this.#lastSeen.delete(aeTitle); // to the end of the order; and one that now comes without TLS has none
    if (fingerprint === undefined || notAfter === undefined) return;
    this.#lastSeen.set(aeTitle, { aeTitle, fingerprint, notAfter });
    const [oldest] = this.#lastSeen.keys();
    if (this.#lastSeen.size > maxPeers && oldest !== undefined) this.#lastSeen.delete(oldest);
  }

  onRejected(): void {}
  onInstance(): void {}
  onClosed(): void {}
  onHeld(): void {}
  onHandshakeFailed(): void {}
  onLimit(): void {}
}
