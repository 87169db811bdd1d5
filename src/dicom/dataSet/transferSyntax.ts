/** How the transfer syntaxes encode a data set (PS3.5 section 10 and Annex A). */
import { uid } from '../uids.ts';
import type { Encoding } from './dicomObject.ts';

/** GE's own: Implicit VR Little Endian, with pixel data in big endian. */
export const implicitWithBigEndianPixels = '1.2.840.113619.5.2';

/** Explicit VR Little Endian, deflated; the latter two carry references (JPIP) instead of pixels. */
const deflated = new Set([
  uid.deflatedExplicitVrLittleEndian,
  '1.2.840.10008.1.2.4.95', // JPIP Referenced Deflate
  '1.2.840.10008.1.2.4.205', // JPIP HTJ2K Referenced Deflate
]);

const implicit = new Set<string>([uid.implicitVrLittleEndian, implicitWithBigEndianPixels]);

/** What is not known is encoded as Explicit VR Little Endian, as all encapsulated transfer syntaxes are (PS3.5 A.4). */
export function encodingOf(transferSyntaxUid: string): Encoding {
  return {
    explicitVr: !implicit.has(transferSyntaxUid),
    littleEndian: transferSyntaxUid !== uid.explicitVrBigEndian,
    deflated: deflated.has(transferSyntaxUid),
  };
}

const native = new Set<string>([
  ...implicit,
  ...deflated,
  uid.explicitVrLittleEndian,
  uid.explicitVrBigEndian,
  '1.2.840.10008.1.2.4.94', // JPIP Referenced
  '1.2.840.10008.1.2.4.204', // JPIP HTJ2K Referenced
]);

/** Whether Pixel Data is encapsulated: a sequence of fragments (PS3.5 A.4). */
export const isEncapsulated = (transferSyntaxUid: string): boolean => !native.has(transferSyntaxUid);
