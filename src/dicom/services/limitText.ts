/** Limits in words: which key of the configuration it is, and its value. Pure. */
import type { AssociationLimits, LimitName } from './access.ts';

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

/** `limits`: what applies to everybody; `own`: what the peer has of its own. */
export function limitText(
  name: AssociationLimitName,
  limits: AssociationLimits,
  own: Partial<AssociationLimits> = {},
): string {
  const { property, unit } = associationLimit[name];
  const ownValue = own[property];
  const key = ownValue === undefined ? `limits.${name}` : `limits.${name} of this peer`;
  return `${key} is ${ownValue ?? limits[property]} ${unit}`;
}
