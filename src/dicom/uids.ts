/** Well-known UIDs (PS3.6 Annex A) and the gateway's own identity. */

export const uid = {
  applicationContext: '1.2.840.10008.3.1.1.1',
  verification: '1.2.840.10008.1.1',
  storageCommitmentPushModel: '1.2.840.10008.1.20.1',
  /** The well-known SOP Instance of it (PS3.4 J.3.5). */
  storageCommitmentInstance: '1.2.840.10008.1.20.1.1',
  implicitVrLittleEndian: '1.2.840.10008.1.2',
  explicitVrLittleEndian: '1.2.840.10008.1.2.1',
  deflatedExplicitVrLittleEndian: '1.2.840.10008.1.2.1.99',
  explicitVrBigEndian: '1.2.840.10008.1.2.2',
} as const;

/** (0002,0012) and item 52H: who wrote the file meta information. A UUID-derived UID (PS3.5 B.2). */
export const implementationClassUid = '2.25.10605613228523532221263045192787429005';
/**
 * (0002,0013) and item 55H, at most 16 characters. It is part of every stored object's bytes, and so of its digest: a
 * release that changes it makes resent instances look different from the copies that older releases stored.
 */
export const implementationVersionName = 'MEDUSA_EDGE_1';

/**
 * A UID that may become part of a file name or an object key: digits and dots, 1 to 64 characters, not only dots.
 * Laxer than PS3.5 9.1 (leading zeros and empty components occur in real objects), but never a path.
 */
export function isUid(value: string | undefined): value is string {
  return value !== undefined && /^[0-9.]{1,64}$/.test(value) && /[0-9]/.test(value);
}

const standardRoot = '1.2.840.10008.';

/** Abstract syntaxes under the standard's root that are storage SOP classes (PS3.4 Annex B, GG), as prefixes. */
export const standardStoragePrefixes: readonly string[] = [
  '1.2.840.10008.5.1.4.1.1.', // composite storage, this is nearly all of them
  '1.2.840.10008.5.1.4.34.7', // RT Beams Delivery Instruction
  '1.2.840.10008.5.1.4.34.10', // RT Brachy Application Setup Delivery Instruction
  '1.2.840.10008.5.1.4.38.1', // Hanging Protocol
  '1.2.840.10008.5.1.4.39.1', // Color Palette
  '1.2.840.10008.5.1.4.43.1', // Generic Implant Template
  '1.2.840.10008.5.1.4.44.1', // Implant Assembly Template
  '1.2.840.10008.5.1.4.45.1', // Implant Template Group
];

/** SOP classes that begin like a storage class and are none: they query, retrieve or manage. */
const standardNonStorage: ReadonlySet<string> = new Set([
  '1.2.840.10008.5.1.4.1.1.200.4', // Protocol Approval Information Model, FIND
  '1.2.840.10008.5.1.4.1.1.200.5', // MOVE
  '1.2.840.10008.5.1.4.1.1.200.6', // GET
  '1.2.840.10008.5.1.4.1.1.201.2', // Inventory, FIND
  '1.2.840.10008.5.1.4.1.1.201.3', // MOVE
  '1.2.840.10008.5.1.4.1.1.201.4', // GET
  '1.2.840.10008.5.1.4.1.1.201.5', // Inventory Creation
  '1.2.840.10008.5.1.4.1.1.201.6', // Repository Query
]);

export function isStandardStorageSopClass(abstractSyntax: string): boolean {
  if (!isUid(abstractSyntax) || standardNonStorage.has(abstractSyntax)) return false;
  return standardStoragePrefixes.some((prefix) =>
    prefix.endsWith('.') ? abstractSyntax.startsWith(prefix) : abstractSyntax === prefix,
  );
}

/** True for every standard storage SOP class and for every private one (anything outside the standard's root). */
export function isStorageSopClass(abstractSyntax: string): boolean {
  if (!isUid(abstractSyntax)) return false;
  return !abstractSyntax.startsWith(standardRoot) || isStandardStorageSopClass(abstractSyntax);
}
