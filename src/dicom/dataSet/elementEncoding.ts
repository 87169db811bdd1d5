/** How elements lie in a data set (PS3.5 section 7), for those who read and those who write them. */
import type { ByteSource, DataElement, SourceRange } from './dicomObject.ts';

export type ElementEncoding = { explicitVr: boolean; littleEndian: boolean };

/** What is inside an UN element, whatever is around it (PS3.5 6.2.2). */
export const encodingInsideUnknown: ElementEncoding = { explicitVr: false, littleEndian: true };

/** How the items of a sequence are encoded. */
export const encodingInside = ({ vr }: Pick<DataElement, 'vr'>, around: ElementEncoding): ElementEncoding =>
  vr === 'UN' && around.explicitVr ? encodingInsideUnknown : around;

export const tags = {
  pixelRepresentation: 0x00280103,
  floatPixelData: 0x7fe00008,
  doubleFloatPixelData: 0x7fe00009,
  pixelData: 0x7fe00010,
  item: 0xfffee000,
  itemEnd: 0xfffee00d,
  sequenceEnd: 0xfffee0dd,
} as const;
export const undefinedLength = 0xffffffff;

export const isPixelData = (tag: number): boolean =>
  tag === tags.pixelData || tag === tags.floatPixelData || tag === tags.doubleFloatPixelData;

/** A fragment as it lies in a Part 10 object: its item header is in the eight bytes before it. */
export class FragmentRange implements SourceRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;

  constructor(source: ByteSource, offset: number, length: number) {
    this.source = source;
    this.offset = offset;
    this.length = length;
  }
}
