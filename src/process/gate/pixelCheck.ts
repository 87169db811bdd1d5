/** Pixel data: what in them is text. */
import type { DicomObject } from '../../dicom/dataSet/dicomObject.ts';
import type { GateFinding } from '../engine/gate.ts';
import type { Needles } from './needles.ts';

export function checkPixels(_object: DicomObject, _needles: Needles): GateFinding[] {
  return [];
}
