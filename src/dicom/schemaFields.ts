/** Kinds of value of DICOM in YAML files, each with its rule, its message and its hint. */
import { z } from 'zod';
import { isUid } from './uids.ts';

export function uid() {
  const hint = 'a UID has digits and dots, at most 64 characters; put it in quotes';
  return z.string().refine(isUid, 'is not a UID').meta({ 'x-hint': hint });
}

/** PS3.5 6.2, VR CS. */
export function modality() {
  const hint = 'write a modality code such as CT, MR, US';
  return z
    .string()
    .regex(/^[A-Z0-9_]{1,16}$/, 'is not a modality code')
    .meta({ 'x-hint': hint });
}
