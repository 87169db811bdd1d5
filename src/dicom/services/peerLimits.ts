/** The limits that apply to one association, and in words: which key of the configuration each is, and its value. Pure. */
import type { AssociationLimits, LimitName, PeerTerms } from './access.ts';

/** The limits that one association can run into, and their values' units. */
const associationLimit = {
  maxPduLength: { property: 'maxPduLength', unit: 'bytes' },
  presentationContexts: { property: 'presentationContexts', unit: 'contexts' },
  associateRequestBytes: { property: 'associateRequestBytes', unit: 'bytes' },
  artimTimeout: { property: 'artimMs', unit: 'ms' },
  idleTimeout: { property: 'idleMs', unit: 'ms' },
  minimumRate: { property: 'minimumRate', unit: 'bytes a second' },
  instanceBytes: { property: 'instanceBytes', unit: 'bytes' },
  associationBytes: { property: 'associationBytes', unit: 'bytes' },
  operationsWindow: { property: 'operationsWindow', unit: 'requests' },
} as const satisfies Partial<Record<LimitName, { property: keyof AssociationLimits; unit: string }>>;

export type AssociationLimitName = keyof typeof associationLimit;

export class PeerLimits {
  readonly #common: AssociationLimits;
  #own: NonNullable<PeerTerms['limits']> = {};
  #entry: string | undefined;
  #effective: AssociationLimits;

  /** `common`: what applies to everybody, and so until the peer is admitted. */
  constructor(common: AssociationLimits) {
    this.#common = common;
    this.#effective = common;
  }

  /** `limits`: what the peer has of its own; `entry`: where it has them. */
  admit({ limits: own = {}, entry }: Pick<PeerTerms, 'limits' | 'entry'>): void {
    this.#own = own;
    this.#entry = entry;
    this.#effective = { ...this.#common, ...own };
  }

  get effective(): AssociationLimits {
    return this.#effective;
  }

  /** The entry whose own limit it is; undefined when it is everybody's. */
  entryOf(name: AssociationLimitName): string | undefined {
    return this.#isOwn(name) ? this.#entry : undefined;
  }

  inWords(name: AssociationLimitName): string {
    const { property, unit } = associationLimit[name];
    const whose = this.#isOwn(name) ? ' of this peer' : '';
    return `limits.${name}${whose} is ${this.#effective[property]} ${unit}`;
  }

  #isOwn(name: AssociationLimitName): boolean {
    return this.#own[associationLimit[name].property] !== undefined;
  }
}
