/** What each peer has done since the start: counted from the associations' own events. */

import { status as dimseStatus } from '../dicom/dimse/status.ts';
import type { AcceptedAssociation, AssociationObserver, Knock } from '../dicom/services/acceptedAssociation.ts';
import { printable } from '../dicom/services/printable.ts';

export type PeerFigures = {
  aeTitle: string;
  openAssociations: number;
  associations: number;
  instances: number;
  bytes: number;
  rejected: number;
  refused: number;
  lastSeenAt: number | undefined;
};

/** AE titles can be invented without end: figures are kept for so many, then gathered under one name. */
const maxPeers = 512;
const strangers = '(never admitted)';
const others = '(others)';

export class PeerRegister implements AssociationObserver {
  readonly #figures = new Map<string, PeerFigures>();
  readonly #now: () => number;
  #open = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get all(): PeerFigures[] {
    return [...this.#figures.values()];
  }

  total(): number {
    return this.#open;
  }

  ofPeer(aeTitle: string): number {
    return this.#figures.get(aeTitle)?.openAssociations ?? 0;
  }

  onAdmitted({ callingAeTitle }: AcceptedAssociation): void {
    const figures = this.#of(callingAeTitle);
    figures.associations++;
    figures.openAssociations++;
    this.#open++;
  }

  onRejected({ request }: Knock): void {
    const callingAeTitle = printable(request.callingAeTitle);
    this.#of(this.#figures.has(callingAeTitle) ? callingAeTitle : strangers).rejected++;
  }

  onInstance({ callingAeTitle }: AcceptedAssociation, result: { status: number; bytes: number }): void {
    const figures = this.#of(callingAeTitle);
    if (result.status === dimseStatus.success) {
      figures.instances++;
      figures.bytes += result.bytes;
    } else figures.refused++;
  }

  onClosed(association: AcceptedAssociation): void {
    if (!association.admitted) return;
    this.#of(association.callingAeTitle).openAssociations--;
    this.#open--;
  }

  onLimit(): void {}

  onHeld(): void {}

  onHandshakeFailed(): void {}

  #of(aeTitle: string): PeerFigures {
    const name = this.#figures.has(aeTitle) || this.#figures.size < maxPeers ? aeTitle : others;
    let figures = this.#figures.get(name);
    if (figures === undefined) {
      figures = {
        aeTitle: name,
        openAssociations: 0,
        associations: 0,
        instances: 0,
        bytes: 0,
        rejected: 0,
        refused: 0,
        lastSeenAt: undefined,
      };
      this.#figures.set(name, figures);
    }
    figures.lastSeenAt = this.#now();
    return figures;
  }
}
