/** How pixel data lie in a transfer syntax (PS3.5 Annex A, PS3.6 Annex A). Pure. */
import type { DicomObject } from '../dataSet/dicomObject.ts';
import { implicitWithBigEndianPixels } from '../dataSet/transferSyntax.ts';

export type PixelCodec = 'native' | 'rle' | 'jpeg' | 'jpeg-lossless' | 'jpeg-ls' | 'jpeg-2000' | 'htj2k';

export const syntax = {
  rle: '1.2.840.10008.1.2.5',
  jpegLsLossless: '1.2.840.10008.1.2.4.80',
  jpeg2000Lossless: '1.2.840.10008.1.2.4.90',
  htj2kLossless: '1.2.840.10008.1.2.4.201',
} as const;

const codecs: Record<string, { codec: PixelCodec; lossless: boolean }> = {
  '1.2.840.10008.1.2': { codec: 'native', lossless: true },
  '1.2.840.10008.1.2.1': { codec: 'native', lossless: true },
  '1.2.840.10008.1.2.1.99': { codec: 'native', lossless: true },
  '1.2.840.10008.1.2.2': { codec: 'native', lossless: true },
  [implicitWithBigEndianPixels]: { codec: 'native', lossless: true },
  [syntax.rle]: { codec: 'rle', lossless: true },
  '1.2.840.10008.1.2.4.50': { codec: 'jpeg', lossless: false },
  '1.2.840.10008.1.2.4.51': { codec: 'jpeg', lossless: false },
  '1.2.840.10008.1.2.4.57': { codec: 'jpeg-lossless', lossless: true },
  '1.2.840.10008.1.2.4.70': { codec: 'jpeg-lossless', lossless: true },
  [syntax.jpegLsLossless]: { codec: 'jpeg-ls', lossless: true },
  '1.2.840.10008.1.2.4.81': { codec: 'jpeg-ls', lossless: false },
  [syntax.jpeg2000Lossless]: { codec: 'jpeg-2000', lossless: true },
  '1.2.840.10008.1.2.4.91': { codec: 'jpeg-2000', lossless: false },
  [syntax.htj2kLossless]: { codec: 'htj2k', lossless: true },
  '1.2.840.10008.1.2.4.202': { codec: 'htj2k', lossless: true },
  '1.2.840.10008.1.2.4.203': { codec: 'htj2k', lossless: false },
};

/** Undefined: a transfer syntax that is not decoded here. `lossless` is what the syntax promises for every frame. */
export const pixelCoding = (transferSyntaxUid: string) => codecs[transferSyntaxUid];

export const isBigEndianPixels = ({ encoding, meta }: DicomObject): boolean =>
  !encoding.littleEndian || meta.transferSyntaxUid === implicitWithBigEndianPixels;
