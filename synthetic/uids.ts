import { createHash } from 'node:crypto';

/** Digits after "2.25.": all synthetic UIDs have the same length, so one can take the place of another in a byte stream. */
const digits = 38;
const smallest = 10n ** BigInt(digits - 1);

/**
 * A UID under 2.25 (PS3.5 B.2: the decimal form of a UUID, below 2^128), derived from what it names. Always
 * `syntheticUidLength` characters.
 */
export function syntheticUid(...what: Array<string | number>): string {
  const hash = createHash('sha256').update(what.join('\0')).digest('hex');
  return `2.25.${smallest + (BigInt(`0x${hash}`) % (9n * smallest))}`;
}

export const syntheticUidLength = 5 + digits;

export const sopClasses = {
  crImage: '1.2.840.10008.5.1.4.1.1.1',
  ctImage: '1.2.840.10008.5.1.4.1.1.2',
  ultrasoundMultiFrame: '1.2.840.10008.5.1.4.1.1.3.1',
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
} as const;

export const transferSyntaxes = {
  implicitLittleEndian: '1.2.840.10008.1.2',
  explicitLittleEndian: '1.2.840.10008.1.2.1',
} as const;
