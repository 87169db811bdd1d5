/** Why an object cannot be read or written: one place for the codes. Messages name tags and offsets, never values. */
import { GatewayError } from '../../base/errors.ts';

export { tagText } from './smallDataSet.ts';

export type DataSetCode =
  /** Not DICOM at all: neither file meta information nor the beginning of a data set. */
  | 'dataset.not-dicom'
  /** A length, a delimiter or a VR contradicts what is around it. */
  | 'dataset.malformed'
  /** The object ends before what it declares. */
  | 'dataset.truncated'
  /** An element stands twice in one data set: readers would disagree on which of them counts. */
  | 'dataset.duplicate-element'
  /** Deeper, more or longer than the limits allow. */
  | 'dataset.too-deep'
  | 'dataset.too-many'
  | 'dataset.too-large'
  /** The deflated data set cannot be inflated. */
  | 'dataset.deflate'
  /** Text that the data set's character set cannot hold. */
  | 'dataset.character-set'
  /** The transfer syntax does not allow what was asked for. */
  | 'dataset.transfer-syntax';

const hints: Partial<Record<DataSetCode, string>> = {
  'dataset.too-large': 'raise the memory limit of the application, or leave such objects to a route without one',
  'dataset.too-many': 'leave such objects to a route without an application',
};
const otherwise = 'the object is kept as it was received; look at it with dcmdump and ask the maker of the sender';

export function dataSetError(code: DataSetCode, message: string, cause?: unknown): GatewayError {
  return new GatewayError(message, {
    code,
    operation: 'read data set',
    hint: hints[code] ?? otherwise,
    ...(cause === undefined ? {} : { cause }),
  });
}
