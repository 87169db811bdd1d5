/**
 * Makes an object Explicit VR Little Endian, whichever uncompressed transfer syntax it has (PS3.5 A.1, A.2, A.3, A.5): what
 * compression starts from. The object that is given stays as it is.
 */
import { uid } from '../uids.ts';
import { dataSetError } from './dataSetErrors.ts';
import type { DataElement, DataSet, DicomObject, ElementValue } from './dicomObject.ts';
import { isGroupLength } from './dictionary.ts';
import { swapped } from './swappedSource.ts';
import { encodingOf, implicitWithBigEndianPixels } from './transferSyntax.ts';
import { wordSize } from './valueRepresentation.ts';

const inflatedSyntaxes = new Map<string, string>([
  [uid.deflatedExplicitVrLittleEndian, uid.explicitVrLittleEndian],
  ['1.2.840.10008.1.2.4.95', '1.2.840.10008.1.2.4.94'],
  ['1.2.840.10008.1.2.4.205', '1.2.840.10008.1.2.4.204'],
]);

/**
 * The same content in Explicit VR Little Endian, not deflated; the object itself when it is that already, as encapsulated ones
 * are. Long values of big endian objects are swapped when they are read. Group lengths, retired, are left out as they would be
 * wrong. Throws GatewayError `dataset.transfer-syntax` for GE's own syntax, whose pixel data have a byte order of their own.
 */
export function toExplicitLittleEndian(object: DicomObject): DicomObject {
  const { meta, encoding, dataSet } = object;
  if (meta.transferSyntaxUid === implicitWithBigEndianPixels) {
    throw dataSetError('dataset.transfer-syntax', `objects in ${meta.transferSyntaxUid} are not transcoded`);
  }
  if (encoding.explicitVr && encoding.littleEndian && !encoding.deflated) return object;
  const transferSyntaxUid = encoding.deflated
    ? (inflatedSyntaxes.get(meta.transferSyntaxUid) ?? uid.explicitVrLittleEndian)
    : uid.explicitVrLittleEndian;
  const isRewritten = !encoding.explicitVr || !encoding.littleEndian;
  return {
    meta: { ...meta, transferSyntaxUid },
    encoding: encodingOf(transferSyntaxUid),
    dataSet: isRewritten ? rewritten(dataSet, !encoding.littleEndian) : dataSet,
  };
}

const rewritten = ({ elements }: DataSet, swap: boolean): DataSet => ({
  elements: elements
    .filter(({ tag }) => !isGroupLength(tag))
    .map((one): DataElement => ({ tag: one.tag, vr: one.vr, value: valueMade(one, swap) })),
});

function valueMade({ vr, value }: DataElement, swap: boolean): ElementValue {
  switch (value.kind) {
    case 'bytes':
      return swap ? { kind: 'bytes', bytes: swapped(value.bytes, wordSize(vr)) } : value;
    case 'sequence': {
      // Items in an UN element are in little endian already (PS3.5 6.2.2).
      const swapInside = swap && vr !== 'UN';
      const items = value.items.map((item) => ({ ...item, dataSet: rewritten(item.dataSet, swapInside) }));
      return { kind: 'sequence', items, undefinedLength: value.undefinedLength };
    }
    case 'fragments':
      return value;
  }
}
