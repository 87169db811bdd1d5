/**
 * Who knocked and was turned away, so that an administrator can see and admit them. Kept in memory only: a stranger must not
 * make the gateway write to its disk, and the log has every one of them.
 */
import type { Knock } from '../../dicom/services/acceptedAssociation.ts';
import { isUid } from '../../dicom/uids.ts';
import type { KnockEntry } from '../../web/peers.ts';

const maxKnocks = 256;
/** One address can invent AE titles without end: it pushes out its own knocks, not those of others. */
const maxKnocksOfOneAddress = 16;
const maxUids = 32;
const maxAuthorities = 8;
/** Whoever still has a number in mind must not admit somebody else by it. */
const numberRestsMs = 15 * 60_000;
const maxFreed = 4096;

/** ASCII that no terminal and no file format takes for anything else than text. */
const shown = (text: string, length: number) =>
  text.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).slice(0, length);

const uids = (values: Iterable<string>) => [...new Set([...values].filter(isUid))].slice(0, maxUids);

function describe({ request, caller, verdict }: Knock) {
  const { certificate } = caller;
  const { implementationVersionName } = request.userInformation;
  const trust = certificate?.trust;
  const problem = trust === undefined || trust.kind === 'verified' ? undefined : trust.problem;
  return {
    callingAeTitle: shown(request.callingAeTitle, 80),
    calledAeTitle: shown(request.calledAeTitle, 80),
    address: caller.address,
    listener: caller.listener,
    ...(certificate === undefined
      ? {}
      : {
          certificate: {
            fingerprint: certificate.fingerprint,
            subject: shown(certificate.subject, 300),
            ...(problem === undefined ? {} : { problem: shown(problem, 200) }),
            ...(trust?.kind === 'invalid' ? { invalid: true as const } : {}),
            ...(trust?.kind === 'verified' ? { authorities: trust.authorities.slice(0, maxAuthorities) } : {}),
          },
        }),
    ...(implementationVersionName ? { implementationVersionName: shown(implementationVersionName, 16) } : {}),
    sopClasses: uids(request.contexts.map((context) => context.abstractSyntax)),
    transferSyntaxes: uids(request.contexts.flatMap((context) => context.transferSyntaxes)),
    why: shown(verdict.why, 400),
    hint: shown(verdict.hint, 600),
    ...(verdict.limit === undefined ? {} : { limit: verdict.limit }),
  };
}

export class KnockBook {
  /** In the order of their last time, the oldest first. */
  readonly #entries = new Map<string, KnockEntry>();
  readonly #now: () => number;
  #lastId = 0;
  /** Numbers that nobody has any more, the longest free first. */
  readonly #freed: Array<{ id: number; at: number }> = [];

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  record(knock: Knock): void {
    const described = describe(knock);
    const { callingAeTitle, calledAeTitle, address, listener, certificate } = described;
    const identity = JSON.stringify([callingAeTitle, calledAeTitle, address, listener, certificate?.fingerprint]);
    const known = this.#entries.get(identity);
    const at = this.#now();
    const entry = {
      ...described,
      id: known?.id ?? this.#makeRoom(address) ?? this.#freeId(at),
      count: (known?.count ?? 0) + 1,
      firstAt: known?.firstAt ?? at,
      lastAt: at,
    };
    this.#entries.delete(identity);
    this.#entries.set(identity, entry);
  }

  /** Who came in is no stranger any more. Texts as they are shown. */
  forget(callingAeTitle: string, address: string): void {
    for (const [identity, entry] of this.#entries) {
      if (entry.callingAeTitle === callingAeTitle && entry.address === address) this.#drop(identity, entry);
    }
  }

  /** The latest first. */
  get all(): KnockEntry[] {
    return [...this.#entries.values()].reverse();
  }

  /** For one more of this address. Answers the number of what it had to push out of its own. */
  #makeRoom(address: string): number | undefined {
    const own = [...this.#entries].filter(([, entry]) => entry.address === address);
    const [oldestOwn] = own;
    if (oldestOwn && own.length >= maxKnocksOfOneAddress) {
      this.#entries.delete(oldestOwn[0]);
      return oldestOwn[1].id;
    }
    const [oldest] = this.#entries;
    if (oldest && this.#entries.size >= maxKnocks) this.#drop(...oldest);
    return undefined;
  }

  #drop(identity: string, { id }: KnockEntry): void {
    this.#entries.delete(identity);
    this.#freed.push({ id, at: this.#now() });
    if (this.#freed.length > maxFreed) this.#freed.shift(); // that number is not given again
  }

  #freeId(now: number): number {
    const [first] = this.#freed;
    if (first === undefined || now - first.at < numberRestsMs) return ++this.#lastId;
    this.#freed.shift();
    return first.id;
  }
}
