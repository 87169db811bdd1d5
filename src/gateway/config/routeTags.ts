/** Tests of attributes in routes: what may be written, and what it means. Pure. */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { lookUp } from '../../dicom/dataSet/dictionary.ts';
import { isTextVr } from '../../dicom/dataSet/valueRepresentation.ts';
import { tagNamed } from '../../process/manifest/tagNames.ts';
import { restart } from './keyMeta.ts';

const pixelData = 0x7fe00000;

/** Of an attribute that reception can find: text, before the pixel data. */
function problemWith(written: string): string | undefined {
  const hex = tagNamed(written);
  if (hex === undefined) return 'is not an attribute';
  const tag = Number.parseInt(hex, 16);
  if (tag < 0x00080000 || tag >= pixelData) return 'is not an attribute that reception looks at';
  const vr = lookUp(tag)?.vr;
  return vr === undefined || isTextVr(vr) ? undefined : `has no text as its value (VR ${vr})`;
}

function isPattern(text: string): boolean {
  try {
    RE2JS.compile(text, RE2JS.CASE_INSENSITIVE);
    return true;
  } catch {
    return false;
  }
}

/** As parsed: the tag as eight hexadecimal digits. */
export const routeTag = z.strictObject({
  tag: z
    .string()
    .transform((written, context) => {
      const problem = problemWith(written);
      if (problem === undefined) return tagNamed(written) ?? '';
      context.addIssue({ code: 'custom', message: problem });
      return z.NEVER;
    })
    .meta({
      ...restart('Attribute: its keyword (SeriesDescription) or its tag ("0008103E").'),
      'x-hint': 'write a keyword of the standard such as SeriesDescription, or eight hexadecimal digits in quotes',
    }),
  equals: z
    .string()
    .max(256)
    .exactOptional()
    .meta(restart('One of its values is this; case and padding do not count.')),
  contains: z.string().min(1).max(256).exactOptional().meta(restart('One of its values has this in it.')),
  matches: z
    .string()
    .max(256)
    .refine(isPattern, 'is not a regular expression')
    .exactOptional()
    .meta(restart('A regular expression (RE2: no look-around, no back-references) fits one of its values.')),
  present: z.boolean().exactOptional().meta(restart('true: it has a value. false: it has none.')),
});

export type RouteTag = z.output<typeof routeTag>;
