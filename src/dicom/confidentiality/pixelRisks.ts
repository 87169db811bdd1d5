/** Why text may be in the pixels of an image. What is not known to be a plain image is at risk. Pure. */
import { type PixelFacts, unreadable } from './pixelFacts.ts';

const storage = '1.2.840.10008.5.1.4.1.1.';
const classes = (...ends: string[]): ReadonlySet<string> => new Set(ends.map((end) => storage + end));

/** Where text is usual; the rest of what is not in `plainModalities` is at risk as well, but is not quoted. */
const riskyModalities = new Set([
  ...['US', 'ES', 'GM', 'XC', 'OT', 'SC', 'IVUS', 'DG', 'HC', 'DOC', 'OP', 'BDUS', 'EC', 'VF', 'DMS', 'SMR', 'OPV'],
  ...['BMD', 'BI', 'CD', 'DD', 'CP', 'CS', 'DM', 'FA', 'FS', 'LP', 'TG', 'ECG', 'EPS', 'HD', 'LS', 'AR', 'KER', 'LEN'],
  ...['OAM', 'OPM', 'OPR', 'OSS', 'SRF', 'RESP', 'PA', 'CFM', 'SR', 'PR', 'KO', 'AU'],
]);
/** Defined terms of Modality (0008,0060) (PS3.3 C.7.3.1.1.1), retired ones included, of images that scanners make. */
const plainModalities = new Set([
  ...['CT', 'MR', 'CR', 'DX', 'MG', 'IO', 'PX', 'RG', 'XA', 'RF', 'CF', 'DF', 'DS', 'MA', 'MS', 'ST', 'NM', 'PT'],
  ...['RTIMAGE', 'RTDOSE', 'SEG', 'SM', 'OCT', 'OPT', 'OPTBSV', 'OPTENF', 'IVOCT'],
]);
/** Image storage classes of PS3.4 B.5 in which what a scanner measured is usual. */
const plainClasses = classes(
  ...['1', '1.1', '1.1.1', '1.2', '1.2.1', '1.3', '1.3.1'], // CR, DX, MG, intra-oral
  ...['2', '2.1', '2.2', '4', '4.1', '4.3', '4.4'], // CT, MR
  ...['12.1', '12.1.1', '12.2', '12.2.1', '12.3', '13.1.1', '13.1.2', '13.1.3', '13.1.4', '13.1.5'], // angiography, 3D X-ray, tomosynthesis
  ...['14.1', '14.2', '77.1.5.4', '77.1.5.7', '77.1.5.8', '77.1.6'], // OCT, whole slides
  ...['5', '20', '128', '128.1', '130'], // NM, PET
  ...['30', '66.4', '66.7', '481.1', '481.2', '481.23', '481.24'], // parametric maps, segmentations, RT
);
/** Colour is what they are for: whole slides, segmentations with a palette. */
const colourClasses = classes('66.4', '66.7', '77.1.6');

const secondaryCapture = (sopClass: string) => sopClass === `${storage}7` || sopClass.startsWith(`${storage}7.`);
const ultrasounds = classes('6', '6.1', '6.2', '3', '3.1');
const visibleLight = (sopClass: string) => sopClass.startsWith(`${storage}77.1.`) && !plainClasses.has(sopClass);
const video = /^1\.2\.840\.10008\.1\.2\.4\.10\d(\.1)?$/;
const colour = /RGB|YBR|PALETTE|CMYK|HSV|XYB/;
const screens =
  /SCREEN|CAPTURE|DOSE|PROT\b|PROTOCOL|REPORT|SUMMARY|LABEL|OVERVIEW|THUMBNAIL|SOM\d+(?! ?(?:SPI|SEQ|TOP|MPR|MIP)\b)/;
const screenSeries = /\bSCREEN(?!ING)|CAPTURE|DOSE[ _-]?(?:REPORT|INFO|SHEET|RECORD|SUMMARY)|PATIENT[ _-]?PROTOCOL/;

/** In the standard's words; undefined where text is not to be expected. */
export function riskOf(facts: PixelFacts): string | undefined {
  const { burnedIn, conversion, transferSyntax, modality } = facts;
  const is = (kind: (sopClass: string) => boolean) => kind(facts.sopClass) || kind(facts.storedAs);
  if (burnedIn.some((value) => value !== 'NO' && value !== ''))
    return 'Burned In Annotation (0028,0301) does not say NO';
  if (video.test(transferSyntax)) return 'it is a video';
  if (is(secondaryCapture)) return 'it is a secondary capture';
  if (is((sopClass) => ultrasounds.has(sopClass))) return 'it is an ultrasound image';
  if (is(visibleLight)) return 'it is a visible light image';
  if (riskyModalities.has(modality)) return `its Modality (0008,0060) is ${modality}`;
  if (modality !== '' && !plainModalities.has(modality)) return 'its Modality (0008,0060) is none of plain images';
  // Only captures and what was made by hand have one (PS3.3 C.8.6.1).
  if (conversion !== '') return 'Conversion Type (0008,0064) says that a film, a paper or a screen was captured';
  return screenRisk(facts) ?? colourRisk(facts) ?? classRisk(facts);
}

function screenRisk({ imageType, seriesDescription, protocolName }: PixelFacts): string | undefined {
  if (imageType.some((value) => screens.test(value) || value === unreadable))
    return 'Image Type (0008,0008) says that it is a screen, a protocol, a report or a label';
  // Protocol Name of a plain image may well be "Head protocol".
  if (screenSeries.test(seriesDescription) || /\bPROTOCOLS?\b/.test(seriesDescription))
    return 'Series Description (0008,103E) says that it is a screen, a protocol or a report';
  return screenSeries.test(protocolName)
    ? 'Protocol Name (0018,1030) says that it is a screen, a protocol or a report'
    : undefined;
}

/** Scanners measure grey; colour is what somebody put on it, mostly on a screen. */
function colourRisk({ sopClass, photometric, samples = 1 }: PixelFacts): string | undefined {
  if (colourClasses.has(sopClass)) return undefined;
  return colour.test(photometric) || samples !== 1 ? 'it is a colour image of a kind that is grey' : undefined;
}

function classRisk({ sopClass, storedAs }: PixelFacts): string | undefined {
  const isPlain = plainClasses.has(sopClass) && (storedAs === '' || plainClasses.has(storedAs));
  return isPlain ? undefined : 'its SOP class is not known to be one of plain images';
}

/** For reasons, which are read by whoever sees the quarantine: anything else that stands there may be a name. */
export const quotedModality = (modality: string): string =>
  riskyModalities.has(modality) || plainModalities.has(modality) ? modality : 'as it is in the instance';

/** Classes of the standard have short numbers, which hold nobody's number. */
export const quotedSopClass = (sopClass: string): string =>
  /^(?:\.\d{1,3}){1,4}$/.test(sopClass.slice(storage.length - 1)) && sopClass.startsWith(storage)
    ? sopClass
    : 'as it is in the instance';
