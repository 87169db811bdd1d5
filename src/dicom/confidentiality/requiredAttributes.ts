/**
 * Where table E.1-1 leaves the choice to the IOD (X/D, X/Z/D, Z/D): the attributes that are of Type 1 somewhere, and where
 * (PS3.3 Annex A and C). Everywhere else they may be absent or empty. A dummy more than needed is valid and tells nobody
 * anything, so families of SOP classes are drawn widely.
 */
const storage = '1.2.840.10008.5.1.4.1.1.';

const within =
  (...families: string[]) =>
  (sopClassUid: string): boolean =>
    families.some((family) =>
      family.endsWith('.') ? sopClassUid.startsWith(storage + family) : sopClassUid === storage + family,
    );

/** Single-frame and classic multi-frame images, whose dates are of Type 2 or 3 and whose equipment is General Equipment. */
const isClassicImage = within(
  '1',
  '1.1',
  '1.1.1',
  '1.2',
  '1.2.1',
  '1.3',
  '1.3.1',
  '2',
  '3.1',
  '4',
  '6.1',
  '7',
  '7.',
  '12.1',
  '12.2',
  '20',
  '128',
  '481.1',
  '104.1',
  '104.2',
  '77.1.1',
  '77.1.2',
  '77.1.3',
  '77.1.4',
);
const isPositronEmission = within('128');
const isEnhanced = within(
  '2.1',
  '2.2',
  '4.1',
  '4.2',
  '4.3',
  '4.4',
  '6.2',
  '12.1.1',
  '12.2.1',
  '13.1.',
  '14.',
  '30',
  '66.4',
  '66.7',
  '77.1.5.',
  '77.1.6',
  '77.1.8',
  '128.1',
  '130',
);
const isWaveform = within('9.');
const hasDigitalDetector = within('1.2', '1.2.1', '12.1.1', '12.2.1', '13.1.');
const isDigitalXRay = within('1.1', '1.1.1', '1.2', '1.2.1', '1.3', '1.3.1');
const isDocument = within('88.');
const isPresentationState = within('11.');
const isRadiotherapy = within('481.');
const never = () => false;
const otherThanClassic = (sopClassUid: string) => !isClassicImage(sopClassUid);

type Where = { atTop: (sopClassUid: string) => boolean; inItems: boolean };
const where = (atTop: Where['atTop'], inItems = false): Where => ({ atTop, inItems });

const typeOne = new Map<number, Where>([
  [0x00080021, where(isPositronEmission)], // Series Date
  [0x00080031, where(isPositronEmission)], // Series Time
  [0x0008002a, where((one) => isEnhanced(one) || isWaveform(one), true)], // Acquisition DateTime
  [0x00080023, where(otherThanClassic, true)], // Content Date
  [0x00080033, where(otherThanClassic, true)], // Content Time
  [0x00181000, where(otherThanClassic, true)], // Device Serial Number, Enhanced General Equipment
  [0x00080080, where(never, true)], // Institution Name, of a person that is identified
  [0x00080082, where(never, true)],
  [0x00081111, where((one) => isEnhanced(one) || isDigitalXRay(one), true)], // Referenced Performed Procedure Step Sequence
  [0x0018700a, where(hasDigitalDetector)], // Detector ID
  [0x0018700c, where(hasDigitalDetector)],
  [0x0018700e, where(hasDigitalDetector)],
  [0x00189516, where(isEnhanced)], // Start Acquisition DateTime
  [0x00189517, where(isEnhanced)],
  [0x00189919, where(isRadiotherapy, true)], // Instruction Performed DateTime
  ...[0x30080054, 0x30080056, 0x30080250, 0x30080251, 0x300a0006, 0x300a0007, 0x3010004c, 0x3010004d].map(
    (tag) => [tag, where(isRadiotherapy, true)] as const,
  ),
  [0x30100056, where(isRadiotherapy, true)], // RT Treatment Approach Label
  [0x30100077, where(isRadiotherapy, true)], // Treatment Site
]);

/** Whether an IOD wants a value of the attribute (Type 1), as far as it matters for table E.1-1. */
export function wantsValue(tag: number, sopClassUid: string, inItem: boolean): boolean {
  const found = typeOne.get(tag);
  return found !== undefined && (inItem ? found.inItems : found.atTop(sopClassUid));
}

/**
 * Attributes that are valid where they are absent or have a value, not where they are empty: Type 3 sequences that hold one item
 * or more, and Type 1C. Elsewhere `Z` does for X/Z and X/Z/D.
 */
export function mustNotBeEmpty(tag: number, sopClassUid: string, inItem: boolean): boolean {
  if (tag === 0x0008002a) return true; // Acquisition DateTime
  if (tag === 0x00081110) return !inItem || !isDocument(sopClassUid); // Referenced Study Sequence
  return tag === 0x00081111 && !inItem && !isDocument(sopClassUid); // Referenced Performed Procedure Step Sequence
}

/** SOP classes that refer to images at their top by Type 1C: all but single-frame images; of those the projections (biplane). */
export const wantsReferences = (sopClassUid: string): boolean =>
  otherThanClassic(sopClassUid) || isDigitalXRay(sopClassUid) || isProjection(sopClassUid);
const isProjection = within('12.1', '12.2');

const isHangingProtocol = (sopClassUid: string) => sopClassUid === '1.2.840.10008.5.1.4.38.1';

/** Where table E.1-1 removes (X) what an IOD requires: a dummy or nothing stands there instead. */
export function insteadOfRemoval(tag: number, sopClassUid: string): 'dummy' | 'empty' | undefined {
  if ((tag === 0x00700082 || tag === 0x00700083) && isPresentationState(sopClassUid)) return 'dummy';
  return tag === 0x0040100a && isHangingProtocol(sopClassUid) ? 'empty' : undefined;
}

/** Type 2C where the patient is no human (PS3.3 C.7.1.1): Responsible Person and Responsible Organization. */
export const requiredOfAnimals: readonly number[] = [0x00102297, 0x00102299];
