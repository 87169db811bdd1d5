/** How often senders ran into each limit, and how long they were held back. The counts for status, metrics and a warning. */
import { status } from '../dicom/dimse/status.ts';
import type {
  AcceptedAssociation,
  AssociationObserver,
  Hold,
  Knock,
  LimitCaller,
} from '../dicom/services/acceptedAssociation.ts';
import { type LimitName, rejection } from '../dicom/services/access.ts';
import type { GatewayStatus, LimitStatus, LimitUnit } from '../web/status.ts';
import type { Configuration } from './config/configuration.ts';
import { RecentSum } from './innerLink/recentSum.ts';

/** Every key under `limits`, and the two of the spool that senders feel. */
export type CountedLimit = keyof Configuration['limits'] | 'bufferMemory' | 'quota';

type Declaration = {
  unit: LimitUnit;
  /** Whether it turns somebody away who may be one of ours, so that reaching it is worth a warning. */
  warns: boolean;
};

/** The others are reached by what is broken or hostile, day in, day out: their counts say enough. */
const limitTable: Record<CountedLimit, Declaration> = {
  connections: { unit: 'count', warns: true },
  pendingConnections: { unit: 'count', warns: true },
  associations: { unit: 'count', warns: true },
  associationsPerPeer: { unit: 'count', warns: true },
  maxPduLength: { unit: 'bytes', warns: false },
  presentationContexts: { unit: 'count', warns: true },
  associateRequestBytes: { unit: 'bytes', warns: false },
  artimTimeout: { unit: 'seconds', warns: false },
  idleTimeout: { unit: 'seconds', warns: false },
  minimumRate: { unit: 'bytesPerSecond', warns: false },
  operationsWindow: { unit: 'count', warns: false },
  instanceBytes: { unit: 'bytes', warns: true },
  associationBytes: { unit: 'bytes', warns: true },
  bufferMemory: { unit: 'bytes', warns: false },
  quota: { unit: 'bytes', warns: false }, // has warnings of its own: spool.nearly-full, spool.refusing
};

/** The limits that an entry of `peers` has of its own. */
export type OwnLimits = {
  entry: string;
  values: Partial<Record<CountedLimit, number>>;
  inUse: Partial<Record<CountedLimit, number>>;
};

const limitNames = Object.keys(limitTable) as CountedLimit[];
const recentMs = 5 * 60_000;

type Hits = { name: CountedLimit; count: number; lastAt: number; lastCaller: string; recent: RecentSum };

/** A limit that was reached within the last five minutes. */
export type RecentHit = { key: string; count: number; caller: string };

/** The key of the configuration. `entry`: the entry of `peers` whose own limit it is. */
function limitKey(name: CountedLimit, entry?: string): string {
  if (entry !== undefined) return `peers[${entry}].limits.${name}`;
  return name === 'bufferMemory' || name === 'quota' ? `spool.${name}` : `limits.${name}`;
}

/** Milliseconds and the absence of a limit as they are shown: seconds, and nothing. */
function shownValue(value: number, unit: LimitUnit): Pick<LimitStatus, 'limit'> {
  if (!Number.isFinite(value)) return {};
  return { limit: unit === 'seconds' ? value / 1000 : value };
}

export class LimitFigures implements AssociationObserver {
  readonly #now: () => number;
  /** By key. As many as the configuration has, or had since the start. */
  readonly #hits = new Map<string, Hits>();
  readonly #held: GatewayStatus['held'] = {
    intake: { times: 0, seconds: 0 },
    answers: { times: 0, seconds: 0 },
    window: { times: 0, seconds: 0 },
  };

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  onLimit(limit: LimitName, who: LimitCaller): void {
    this.#hit(limit, who);
  }

  onHeld({ caller, callingAeTitle }: AcceptedAssociation, why: Hold, ms: number): void {
    this.#held[why].times++;
    this.#held[why].seconds += ms / 1000;
    if (why === 'intake') this.#hit('bufferMemory', { address: caller.address, aeTitle: callingAeTitle });
  }

  onInstance({ caller }: AcceptedAssociation, result: { status: number; limit?: LimitName }): void {
    if (result.status === status.outOfResources && result.limit === undefined) this.#hit('quota', caller);
  }

  onRejected({ caller, verdict }: Knock): void {
    const { result, source, reason } = rejection.temporaryCongestion;
    const said = verdict.rejection;
    const isCongestion = said.result === result && said.source === source && said.reason === reason;
    if (isCongestion && verdict.limit === undefined) this.#hit('quota', caller);
  }

  onAdmitted(): void {}
  onClosed(): void {}
  onHandshakeFailed(): void {}

  get held(): GatewayStatus['held'] {
    return structuredClone(this.#held);
  }

  /** Each limit with its value and what is in use of it, where something can be; then those that peers have of their own. */
  statuses(
    values: Record<CountedLimit, number>,
    inUse: Partial<Record<CountedLimit, number>>,
    own: readonly OwnLimits[] = [],
  ): LimitStatus[] {
    const common = limitNames.map((name) => this.#statusOf(name, values[name], inUse[name]));
    const ofPeers = own.flatMap(({ entry, values, inUse }) =>
      limitNames.flatMap((name) => {
        const value = values[name];
        return value === undefined ? [] : [this.#statusOf(name, value, inUse[name], entry)];
      }),
    );
    return [...common, ...ofPeers];
  }

  #statusOf(name: CountedLimit, value: number, used: number | undefined, entry?: string): LimitStatus {
    const { unit } = limitTable[name];
    const key = limitKey(name, entry);
    const hits = this.#hits.get(key);
    return {
      ...{ name, key, unit, hits: hits?.count ?? 0 },
      ...(entry === undefined ? {} : { peer: entry }),
      ...shownValue(value, unit),
      ...(used === undefined ? {} : { inUse: used }),
      ...(hits === undefined ? {} : { lastHitAt: hits.lastAt }),
    };
  }

  /**
   * For each limit that warns and was ever reached, by its key: how often it was in the last five minutes; undefined when
   * it was not.
   */
  recentHits(): Map<string, RecentHit | undefined> {
    const now = this.#now();
    const warning = [...this.#hits].filter(([, { name }]) => limitTable[name].warns);
    return new Map(
      warning.map(([key, { recent, lastCaller }]) => {
        const count = recent.sum(now);
        return [key, count > 0 ? { key, count, caller: lastCaller } : undefined];
      }),
    );
  }

  #hit(name: CountedLimit, { address, aeTitle, entry }: LimitCaller): void {
    const now = this.#now();
    const key = limitKey(name, entry);
    const hits = this.#hits.get(key) ?? {
      name,
      count: 0,
      lastAt: now,
      lastCaller: '',
      recent: new RecentSum(recentMs),
    };
    this.#hits.set(key, hits);
    hits.count++;
    hits.lastAt = now;
    hits.lastCaller = aeTitle ? `${aeTitle} at ${address}` : address;
    hits.recent.add(1, now);
  }
}
