/**
 * Values that stand in every object because the standard, or the step, has exactly these: a patient called Yes, or whose ID is
 * ISOIR100, is not mentioned by them. Pure.
 */
import { codesOf, type ProfileOption } from '../../dicom/confidentiality/profileOptions.ts';
import { profileEdition } from '../../dicom/confidentiality/profileTable.ts';
import { bytesIn, type DataElement } from '../../dicom/dataSet/dicomObject.ts';

const characterSets = [
  ...['ISO_IR 6', 'ISO_IR 100', 'ISO_IR 101', 'ISO_IR 109', 'ISO_IR 110', 'ISO_IR 144', 'ISO_IR 127', 'ISO_IR 126'],
  ...['ISO_IR 138', 'ISO_IR 148', 'ISO_IR 203', 'ISO_IR 13', 'ISO_IR 166', 'ISO_IR 192', 'GB18030', 'GBK'],
  ...['ISO 2022 IR 6', 'ISO 2022 IR 100', 'ISO 2022 IR 101', 'ISO 2022 IR 109', 'ISO 2022 IR 110', 'ISO 2022 IR 144'],
  ...['ISO 2022 IR 127', 'ISO 2022 IR 126', 'ISO 2022 IR 138', 'ISO 2022 IR 148', 'ISO 2022 IR 203', 'ISO 2022 IR 13'],
  ...['ISO 2022 IR 166', 'ISO 2022 IR 87', 'ISO 2022 IR 159', 'ISO 2022 IR 149', 'ISO 2022 IR 58'],
];
const photometric = [
  ...['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR', 'RGB', 'HSV', 'ARGB', 'CMYK', 'YBR_FULL', 'YBR_FULL_422'],
  ...['YBR_PARTIAL_422', 'YBR_PARTIAL_420', 'YBR_ICT', 'YBR_RCT', 'XYB'],
];
const valueTypes = [
  ...['CONTAINER', 'TEXT', 'NUM', 'CODE', 'DATE', 'TIME', 'DATETIME', 'UIDREF', 'PNAME', 'COMPOSITE', 'IMAGE'],
  ...['WAVEFORM', 'SCOORD', 'SCOORD3D', 'TCOORD', 'TABLE'],
];
const relationships = [
  'CONTAINS',
  'HAS PROPERTIES',
  'HAS OBS CONTEXT',
  'HAS ACQ CONTEXT',
  'INFERRED FROM',
  'SELECTED FROM',
  'HAS CONCEPT MOD',
];

const structural = new Map<number, ReadonlySet<string>>(
  (
    [
      [0x00080005, characterSets],
      [
        0x00080008,
        ['ORIGINAL', 'DERIVED', 'PRIMARY', 'SECONDARY', 'AXIAL', 'LOCALIZER', 'OTHER', 'REFORMATTED', 'NONE'],
      ],
      [0x00080064, ['DV', 'DI', 'DF', 'WSD', 'SD', 'SI', 'DRW', 'SYN']],
      [0x00100040, ['M', 'F', 'O']],
      [0x00185100, ['HFP', 'HFS', 'HFDR', 'HFDL', 'FFDR', 'FFDL', 'FFP', 'FFS']],
      [0x00200060, ['L', 'R']],
      [0x00280004, photometric],
      [0x00280301, ['YES', 'NO']],
      [0x00280303, ['UNMODIFIED', 'MODIFIED', 'REMOVED']],
      [0x00281056, ['LINEAR', 'LINEAR_EXACT', 'SIGMOID']],
      [0x00282110, ['00', '01']],
      [0x00282114, ['ISO_10918_1', 'ISO_14495_1', 'ISO_15444_1', 'ISO_15444_15', 'ISO_13818_2', 'ISO_14496_10']],
      [0x0040a010, relationships],
      [0x0040a040, valueTypes],
      [0x0040a050, ['SEPARATE', 'CONTINUOUS']],
      [0x0040a491, ['PARTIAL', 'COMPLETE']],
      [0x0040a493, ['UNVERIFIED', 'VERIFIED']],
      [0x00120062, ['YES']],
      [0x00120063, ['MEDUSA Edge Gateway', `${profileEdition} Annex E`]],
    ] as Array<[number, string[]]>
  ).map(([tag, values]) => [tag, new Set(values)]),
);

const methodCodes = 0x00120064;
const allOptions: ProfileOption[] = [
  ...(['retainUids', 'retainDeviceIdentity', 'retainInstitutionIdentity', 'retainPatientCharacteristics'] as const),
  ...(['retainFullDates', 'retainModifiedDates', 'cleanDescriptors', 'cleanGraphics'] as const),
  ...(['cleanStructuredContent', 'retainSafePrivate', 'cleanPixelData'] as const),
];
const marks = codesOf(new Set(allOptions));
const markValues = new Map<number, ReadonlySet<string>>([
  [0x00080100, new Set(marks.map(({ value }) => value))],
  [0x00080102, new Set(['DCM'])],
  [0x00080104, new Set(marks.map(({ meaning }) => meaning))],
]);
const longest = 256;

/** Whether each of its values is one of those that are defined for it. */
export function isDefined({ tag, value }: DataElement, path: readonly number[]): boolean {
  const isMark = path.length === 1 && path[0] === methodCodes;
  const defined = isMark ? markValues.get(tag) : structural.get(tag);
  if (defined === undefined || value.kind !== 'bytes' || value.bytes.length > longest) return false;
  const texts = bytesIn(value.bytes).toString('latin1').split('\\');
  return texts.every((text) => text.trim() === '' || defined.has(text.replace(/[\0 ]+$/, '')));
}
