import type { DataElement } from './dicomObject.ts';
import { isPrivate, vrOf } from './dictionary.ts';

/** What the value of an element is: its VR, or the dictionary's when somebody on the way made it UN (PS3.5 6.2.2). */
export const effectiveVr = ({ tag, vr }: DataElement): string => (vr === 'UN' && !isPrivate(tag) ? vrOf(tag) : vr);
