/**
 * UIDs that the standard gives out (PS3.6 Annex A), so that what only begins like one of them is not taken for one: whoever
 * makes UIDs below the standard's root may have put a number or a date into them. Pure.
 */
const root = '1.2.840.10008.';

/** Without the root; the last component as numbers and ranges. */
const registered: ReadonlyArray<[prefix: string, last: string]> = [
  ['1', '1 2 9 20 40 42'],
  ['1.2', '1 2 5'],
  ['1.2.1', '98 99'],
  ['1.2.4', '50-66 70 80 81 90-95 100-112 201-205'],
  ['1.2.6', '1 2'],
  ['1.2.7', '1-3'],
  ['1.2.8', '1'],
  ['1.3', '10'],
  ['1.4.1', '1-18'],
  ['1.4.2', '1 2'],
  ['1.4.3', '1-3'],
  ['1.4.4', '1'],
  ['1.4.5', '1'],
  ['1.4.6', '1-3'],
  ['1.5', '1-8'],
  ['1.20', '1 2'],
  ['1.20.1', '1'],
  ['1.20.2', '1'],
  ['1.40', '1'],
  ['1.42', '1'],
  ['2.6', '1'],
  ['2.16', '4-30'],
  ['3.1.1', '1'],
  ['4', '2'],
  ['6.1', '1-1999'], // context groups
  ['7.1', '1-4'],
  ['8.1', '1'],
  ['10', '1-6'],
  ['15.0.3', '1-31'],
  ['15.0.4', '1-8'],
  ['15.1', '1'],
];

/** SOP classes and well-known printers: numbers of at most three digits, in places that are given out. */
const families: readonly RegExp[] = [
  /^3\.1\.2\.[1-6]\.\d(?:\.\d)?$/,
  /^5\.1\.1\.(?:\d|[1-4]\d)(?:\.(?:\d|376))?$/,
  /^5\.1\.4\.(?:[23]\d|4[1-5])(?:\.(?:\d|10)(?:\.\d)?)?$/,
  /^5\.1\.4\.1\.2\.[1-5]\.[1-3]$/,
  /^5\.1\.4\.1\.1\.(?:\d|[1-9]\d)(?:\.(?:\d|[1-7]\d)(?:\.\d(?:\.\d)?)?)?$/,
  /^5\.1\.4\.1\.1\.(?:104|12[89]|13[01]|200|201|481|501|601)(?:\.\d{1,2}(?:\.\d)?)?$/,
];

const lastComponents: ReadonlyMap<string, ReadonlyArray<readonly [first: number, last: number]>> = new Map(
  registered.map(([prefix, last]) => [
    prefix,
    last.split(' ').map((range) => {
      const [from = 0, to = from] = range.split('-').map(Number);
      return [from, to] as const;
    }),
  ]),
);

/** Whether PS3.6 gives out `uid`, as far as this version knows. */
export function isRegistered(uid: string): boolean {
  if (!uid.startsWith(root)) return false;
  const rest = uid.slice(root.length);
  const dot = rest.lastIndexOf('.');
  const last = rest.slice(dot + 1);
  if (!/^[1-9]\d{0,3}$/.test(last)) return false;
  const number = Number(last);
  const ranges = lastComponents.get(rest.slice(0, dot));
  return ranges?.some(([from, to]) => number >= from && number <= to) || families.some((family) => family.test(rest));
}

/** Of transfer syntaxes that manufacturers made: GE's Implicit VR with pixel data in big endian, Philips' of ultrasound. */
const privateTransferSyntaxes = new Set(['1.2.840.113619.5.2', '1.3.46.670589.33.1.4.1']);
const transferSyntax = /^1\.2\.840\.10008\.1(?:\.20|\.2(?:\.\d+)*)$/;

export const isKnownTransferSyntax = (uid: string): boolean =>
  privateTransferSyntaxes.has(uid) || (transferSyntax.test(uid) && isRegistered(uid));
