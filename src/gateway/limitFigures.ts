/** How often senders ran into each limit, and how long they were held back. The counts for status, metrics and a warning. */
import { status } from '../dicom/dimse/status.ts';
import type { AcceptedAssociation, AssociationObserver, Hold, Knock } from '../dicom/services/acceptedAssociation.ts';
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

const limitNames = Object.keys(limitTable) as CountedLimit[];
const recentMs = 5 * 60_000;

type Hits = { count: number; lastAt: number | undefined; lastAddress: string; recent: RecentSum };

/** A limit that was reached within the last five minutes. */
export type RecentHit = { key: string; count: number; address: string };

export const limitKey = (name: CountedLimit) =>
  name === 'bufferMemory' || name === 'quota' ? `spool.${name}` : `limits.${name}`;

/** Milliseconds and the absence of a limit as they are shown: seconds, and nothing. */
function shownValue(value: number, unit: LimitUnit): Pick<LimitStatus, 'limit'> {
  if (!Number.isFinite(value)) return {};
  return { limit: unit === 'seconds' ? value / 1000 : value };
}

export class LimitFigures implements AssociationObserver {
  readonly #now: () => number;
  readonly #hits = new Map<CountedLimit, Hits>();
  readonly #held: GatewayStatus['held'] = {
    intake: { times: 0, seconds: 0 },
    answers: { times: 0, seconds: 0 },
    window: { times: 0, seconds: 0 },
  };

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  onLimit(limit: LimitName, { address }: { address: string }): void {
    this.#hit(limit, address);
  }

  onHeld({ caller }: AcceptedAssociation, why: Hold, ms: number): void {
    this.#held[why].times++;
    this.#held[why].seconds += ms / 1000;
    if (why === 'intake') this.#hit('bufferMemory', caller.address);
    else if (why === 'window') this.#hit('operationsWindow', caller.address);
  }

  onInstance({ caller }: AcceptedAssociation, result: { status: number; limit?: LimitName }): void {
    if (result.status === status.outOfResources && result.limit === undefined) this.#hit('quota', caller.address);
  }

  onRejected({ caller, verdict }: Knock): void {
    const { result, source, reason } = rejection.temporaryCongestion;
    const said = verdict.rejection;
    const isCongestion = said.result === result && said.source === source && said.reason === reason;
    if (isCongestion && verdict.limit === undefined) this.#hit('quota', caller.address);
  }

  onAdmitted(): void {}
  onClosed(): void {}
  onHandshakeFailed(): void {}

  get held(): GatewayStatus['held'] {
    return structuredClone(this.#held);
  }

  /** Each limit with its value and what is in use of it, where something can be. */
  statuses(values: Record<CountedLimit, number>, inUse: Partial<Record<CountedLimit, number>>): LimitStatus[] {
    return limitNames.map((name) => {
      const { unit } = limitTable[name];
      const hits = this.#hits.get(name);
      const used = inUse[name];
      return {
        ...{ name, key: limitKey(name), unit, hits: hits?.count ?? 0 },
        ...shownValue(values[name], unit),
        ...(used === undefined ? {} : { inUse: used }),
        ...(hits?.lastAt === undefined ? {} : { lastHitAt: hits.lastAt }),
      };
    });
  }

  /** For each limit that warns: how often it was reached in the last five minutes; undefined when it was not. */
  recentHits(): Map<string, RecentHit | undefined> {
    const now = this.#now();
    return new Map(
      limitNames
        .filter((name) => limitTable[name].warns)
        .map((name) => {
          const hits = this.#hits.get(name);
          const count = hits?.recent.sum(now) ?? 0;
          return [name, hits && count > 0 ? { key: limitKey(name), count, address: hits.lastAddress } : undefined];
        }),
    );
  }

  #hit(name: CountedLimit, address: string): void {
    const now = this.#now();
    const hits = this.#hits.get(name) ?? {
      count: 0,
      lastAt: undefined,
      lastAddress: '',
      recent: new RecentSum(recentMs),
    };
    this.#hits.set(name, hits);
    hits.count++;
    hits.lastAt = now;
    hits.lastAddress = address;
    hits.recent.add(1, now);
  }
}
