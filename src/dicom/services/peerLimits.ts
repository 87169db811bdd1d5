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
} as const satisfies Partial<Record<LimitName, { property: keyof AssociationLimits; unit: string }>>;

export type AssociationLimitName = keyof typeof associationLimit;

export class PeerLimits {
  readonly #common: AssociationLimits;
  #own: NonNullable<PeerTerms['limits']> = {};
  #effective: AssociationLimits;

  /** `common`: what applies to everybody, and so until the peer is admitted. */
  constructor(common: AssociationLimits) {
    this.#common = common;
    this.#effective = common;
  }

  /** `own`: what the peer has of its own. */
  admit(own: PeerTerms['limits'] = {}): void {
    this.#own = own;
    this.#effective = { ...this.#common, ...own };
  }

  get effective(): AssociationLimits {
    return this.#effective;
  }

  inWords(name: AssociationLimitName): string {
    const { property, unit } = associationLimit[name];
    const whose = this.#own[property] === undefined ? '' : ' of this peer';
    return `limits.${name}${whose} is ${this.#effective[property]} ${unit}`;
  }
}
