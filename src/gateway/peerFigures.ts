/**
 * What each peer has done, counted from the associations' own events, and what that says of the link to it
 * (innerLink/evidence.ts). Peers are calling AE titles; their number is bounded.
 */
import type { AcceptedAssociation, AssociationObserver, Knock } from '../dicom/services/acceptedAssociation.ts';
import type { Ending } from '../dicom/services/associationLog.ts';
import { printable } from '../dicom/services/printable.ts';
import type { StorageResult } from '../dicom/services/storage.ts';
import type { Configuration } from './config/configuration.ts';
import { Callers } from './innerLink/callers.ts';
import { type InnerLink, innerLinkOf } from './innerLink/innerLink.ts';
import { type PeerEntries, PeerRecord } from './innerLink/peerRecord.ts';

/** AE titles can be invented without end: figures are kept for so many, then gathered under one name. */
const maxPeers = 512;
/** Longer than an AE title can be (16 characters): nobody is called so. */
const strangers = '(unidentified callers)';
const others = '(all other AE titles)';

const minuteMs = 60_000;
/** A peer that is not configured (admitted by `*`) and was not seen for so long is forgotten at the next start. */
const forgottenAfterMs = 30 * 24 * 60 * minuteMs;

export type KnownPeer = {
  aeTitle: string;
  /** Single addresses: a failed handshake there is the peer's. */
  addresses: readonly string[];
};

/** The peers of a configuration, as far as they can be told by name. */
export function knownPeers(peers: Configuration['peers']): KnownPeer[] {
  return peers
    .filter(({ aeTitle }) => aeTitle !== '*')
    .map(({ aeTitle, addresses = [] }) => ({ aeTitle, addresses: addresses.filter((one) => !one.includes('/')) }));
}

const isRemembered = (now: number) => (peer: PeerEntries) => (peer.lastSeenAt ?? 0) >= now - forgottenAfterMs;

/** What an association has stored, and the time that it took. */
type Stored = { bytes: number; images: number; busyMs: number };

export class PeerRegister implements AssociationObserver {
  readonly #peers = new Map<string, PeerRecord>();
  /** Titles of the configuration: they have a record of their own, whoever came before. */
  #known: ReadonlySet<string> = new Set();
  /** Open associations by AE title, also of those whose figures are gathered: a limit rests on it. */
  readonly #openOf = new Map<string, number>();
  readonly #stored = new WeakMap<AcceptedAssociation, Stored>();
  /** What an association is counted under, from its beginning to its end. */
  readonly #records = new WeakMap<AcceptedAssociation, PeerRecord>();
  readonly #callers = new Callers();
  readonly #now: () => number;
  #open = 0;

  /** `now`: milliseconds since 1970. `saved`: the figures of an earlier run, which go on. */
  constructor(now: () => number, known: readonly KnownPeer[] = [], saved: readonly PeerEntries[] = []) {
    this.#now = now;
    const configured = new Set(known.map(({ aeTitle }) => aeTitle));
    // Those of the configuration first: the others must not take their places.
    const [own, rest] = [saved.filter((peer) => configured.has(peer.aeTitle)), saved.filter(isRemembered(now()))];
    for (const peer of own) this.#restore(peer);
    this.meet(known);
    for (const peer of rest.sort((x, y) => (y.lastSeenAt ?? 0) - (x.lastSeenAt ?? 0))) this.#restore(peer);
  }

  /** Peers of the configuration: they are shown before they first call. */
  meet(known: readonly KnownPeer[]): void {
    this.#known = new Set(known.map(({ aeTitle }) => aeTitle));
    for (const { aeTitle, addresses } of known) {
      this.#peer(aeTitle);
      for (const address of addresses) this.#callers.note(address, aeTitle);
    }
  }

  get all(): PeerRecord[] {
    return [...this.#peers.values()];
  }

  total(): number {
    return this.#open;
  }

  /** Open associations by calling AE title, of those that have any. */
  get openByTitle(): ReadonlyMap<string, number> {
    return this.#openOf;
  }

  ofPeer(aeTitle: string): number {
    return this.#openOf.get(aeTitle) ?? 0;
  }

  /** The link from one peer; undefined when there is no such peer. */
  innerLink(aeTitle: string): InnerLink | undefined {
    const peer = this.#peers.get(aeTitle);
    return peer && isPeer(peer) ? innerLinkOf(peer, this.#now()) : undefined;
  }

  onAdmitted(association: AcceptedAssociation): void {
    const { callingAeTitle, caller } = association;
    const peer = this.#peer(callingAeTitle);
    peer.admitted(this.#now());
    this.#records.set(association, peer);
    this.#openOf.set(callingAeTitle, this.ofPeer(callingAeTitle) + 1);
    this.#callers.note(caller.address, callingAeTitle);
    this.#open++;
  }

  onRejected({ request, verdict }: Knock): void {
    this.#peer(this.#nameOfRejected(request.callingAeTitle, verdict)).rejected(verdict, this.#now());
  }

  onInstance(association: AcceptedAssociation, result: StorageResult): void {
    const { status, busyMs, bytes } = result;
    const duplicate = result.outcome?.kind === 'duplicate';
    this.#recordOf(association).answered({ ...result, duplicate }, this.#now());
    const stored = this.#stored.get(association) ?? { bytes: 0, images: 0, busyMs: 0 };
    this.#stored.set(association, stored);
    stored.busyMs += busyMs;
    if (status !== 0) return;
    stored.bytes += bytes;
    stored.images++;
  }

  onClosed(association: AcceptedAssociation, ending: Ending): void {
    if (!association.admitted) return;
    const stored = this.#stored.get(association) ?? { bytes: 0, images: 0, busyMs: 0 };
    const { callingAeTitle } = association;
    this.#recordOf(association).closed(ending, stored, this.#now());
    this.#open--;
    const left = this.ofPeer(callingAeTitle) - 1;
    if (left > 0) this.#openOf.set(callingAeTitle, left);
    else this.#openOf.delete(callingAeTitle);
  }

  onHandshakeFailed({ address }: { address: string }): void {
    const aeTitle = this.#callers.aeTitleAt(address);
    if (aeTitle !== undefined) this.#peer(aeTitle).linkWasBad(this.#now());
  }

  /** Counted by LimitFigures. */
  onLimit(): void {}

  /** Counted by LimitFigures. */
  onHeld(): void {}

  /** Nobody could reach us from `from` to `to`: every whole minute of that counts against the link of each peer. */
  notListening(from: number, to: number): void {
    const first = Math.max(Math.ceil(from / minuteMs), Math.floor(to / minuteMs) - 24 * 60);
    for (let minute = first; (minute + 1) * minuteMs <= to; minute++) {
      for (const peer of this.all) {
        if (isPeer(peer) && peer.lastSeenAt !== undefined) peer.linkWasBad(minute * minuteMs);
      }
    }
  }

  #restore(peer: PeerEntries): void {
    if (this.#peers.has(peer.aeTitle) || this.#peers.size >= maxPeers) return;
    this.#peers.set(peer.aeTitle, new PeerRecord(peer.aeTitle, this.#now(), peer));
  }

  #recordOf(association: AcceptedAssociation): PeerRecord {
    return this.#records.get(association) ?? this.#peer(association.callingAeTitle);
  }

  /** An AE title that anybody may give says nothing of the peer: not that it was seen, nor that it was turned away. */
  #nameOfRejected(callingAeTitle: string, { identified }: Knock['verdict']): string {
    if (!identified) return strangers;
    const aeTitle = printable(callingAeTitle);
    return this.#peers.has(aeTitle) ? aeTitle : others;
  }

  /** Forgets the peer that is not of the configuration, has nothing open, and was not seen for longest. */
  #makeRoom(): boolean {
    const [oldest] = this.all
      .filter((peer) => isPeer(peer) && peer.openAssociations === 0 && !this.#known.has(peer.aeTitle))
      .sort((x, y) => (x.lastSeenAt ?? 0) - (y.lastSeenAt ?? 0));
    return oldest !== undefined && this.#peers.delete(oldest.aeTitle);
  }

  #peer(aeTitle: string): PeerRecord {
    const known = this.#peers.get(aeTitle);
    if (known) return known;
    const isGathered = aeTitle === strangers || aeTitle === others;
    if (this.#peers.size >= maxPeers && !isGathered && !(this.#known.has(aeTitle) && this.#makeRoom())) {
      return this.#peer(others);
    }
    const peer = new PeerRecord(aeTitle, this.#now());
    this.#peers.set(aeTitle, peer);
    return peer;
  }
}

/** False for a name under which several are gathered: they have no link in common. */
export function isPeer({ aeTitle }: PeerRecord): boolean {
  return aeTitle !== strangers && aeTitle !== others;
}
