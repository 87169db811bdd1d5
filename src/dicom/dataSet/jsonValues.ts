/** Values of text as the DICOM JSON Model has them (PS3.18 F.2.2, F.2.3). Pure. */

const groups = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;

/** The component groups of a name, the empty ones left out. */
export function nameGroups(name: string): { [group: string]: string } {
  const parts = name.split('=');
  return Object.fromEntries(
    groups.flatMap((group, index) => {
      const part = parts[index]?.trimEnd();
      return part ? [[group, part]] : [];
    }),
  );
}

/** DS and IS, PS3.5 table 6.2-1. */
const decimal = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
/** Decimal digits that a double always keeps. */
const certainDigits = 15;

/** A number; the text itself when it is none, or when a double would lose digits of it (F.2.3, note). */
export function numberFromText(text: string): number | string {
  if (!decimal.test(text)) return text;
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  const [mantissa = ''] = text.split(/[eE]/);
  const digits = mantissa.replace(/[+.-]/g, '').replace(/^0+/, '').length;
  return digits <= certainDigits || String(value) === text ? value : text;
}
