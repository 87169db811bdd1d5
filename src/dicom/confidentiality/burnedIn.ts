/**
 * Identity that is drawn into the pixels, spoken, filmed or in a document: which instances may hold it, and which rule of the
 * manifest says where it stands or that there is none. Without a rule a risky instance is refused. Pure.
 */
import { type DataSet, element } from '../dataSet/dicomObject.ts';
import { numberValue, stringValue, stringValues, uidValue } from '../dataSet/elements.ts';

export type PixelRegion = { x: number; y: number; width: number; height: number };
export type BurnedInMatch = {
  modality?: string;
  sopClass?: string;
  manufacturer?: string;
  model?: string;
  rows?: number;
  columns?: number;
};
export type BurnedInRule = { match: BurnedInMatch; regions: PixelRegion[] };

export type PixelJudgement =
  | { kind: 'harmless' }
  /** A rule says so: nothing to blank where there are no regions. */
  | { kind: 'known'; regions: PixelRegion[] }
  | { kind: 'refuse'; code: 'deidentify.burned-in-risk' | 'deidentify.document'; reason: string };

const storage = '1.2.840.10008.5.1.4.1.1.';
type Facts = {
  sopClass: string;
  /** Of the file meta information; the riskier of the two counts, should they differ. */
  storedAs: string;
  modality: string;
  manufacturer: string;
  model: string;
  rows: number | undefined;
  columns: number | undefined;
  imageType: string[];
  burnedIn: string;
  conversion: string;
  transferSyntax: string;
};

function factsOf(
  dataSet: DataSet,
  meta: { sopClassUid: string; transferSyntaxUid: string },
  encoding: { littleEndian: boolean },
): Facts {
  const text = (tag: number) => stringValue(dataSet, tag) ?? '';
  return {
    sopClass: uidValue(dataSet, 0x00080016) || meta.sopClassUid,
    storedAs: meta.sopClassUid,
    modality: text(0x00080060).toUpperCase(),
    manufacturer: text(0x00080070),
    model: text(0x00081090),
    rows: numberValue(dataSet, 0x00280010, encoding),
    columns: numberValue(dataSet, 0x00280011, encoding),
    imageType: stringValues(dataSet, 0x00080008).map((value) => value.toUpperCase()),
    burnedIn: text(0x00280301).toUpperCase(),
    conversion: text(0x00080064).toUpperCase(),
    transferSyntax: meta.transferSyntaxUid,
  };
}

const beginsWith = (value: string, beginning: string | undefined) =>
  beginning === undefined || value.toLowerCase().startsWith(beginning.toLowerCase());

function fits(facts: Facts, { modality, sopClass, manufacturer, model, rows, columns }: BurnedInMatch): boolean {
  return (
    (modality === undefined || modality.toUpperCase() === facts.modality) &&
    (sopClass === undefined || sopClass === facts.sopClass) &&
    beginsWith(facts.manufacturer, manufacturer) &&
    beginsWith(facts.model, model) &&
    (rows === undefined || rows === facts.rows) &&
    (columns === undefined || columns === facts.columns)
  );
}

const riskyModalities = new Set([
  'US',
  'ES',
  'GM',
  'XC',
  'OT',
  'SC',
  'IVUS',
  'DG',
  'HC',
  'DOC',
  'OP',
  'BDUS',
  'EC',
  'VF',
  'DMS',
  'SMR',
  'OPV',
]);
const secondaryCapture = (sopClass: string) => sopClass === `${storage}7` || sopClass.startsWith(`${storage}7.`);
const ultrasound = new Set(['6', '6.1', '6.2', '3', '3.1'].map((end) => storage + end));
const visibleLight = (sopClass: string) =>
  sopClass.startsWith(`${storage}77.1.`) &&
  !['77.1.6', '77.1.5.3', '77.1.5.4'].some((end) => sopClass === storage + end);
const speech = new Set(['9.4.1', '9.4.2'].map((end) => storage + end));
const video = /^1\.2\.840\.10008\.1\.2\.4\.10\d(\.1)?$/;
/** Film that was digitised, paper that was scanned, a screen that was grabbed (PS3.3 C.8.6.1). */
const captured = new Set(['DV', 'DF', 'DRW', 'SD', 'SI', 'WSD']);
const screens =
  /SCREEN|SECONDARY CAPTURE|CAPTURE|DOSE[_ ]?(?:INFO|REPORT|SHEET)|PATIENT PROTOCOL|PATIENT_PROTOCOL|REPORT|LABEL|OVERVIEW|THUMBNAIL/;

/** Why text may be in the pixels, in the standard's words; undefined where it is not to be expected. */
function riskOf(facts: Facts): string | undefined {
  const { modality, imageType, burnedIn, conversion, transferSyntax } = facts;
  const is = (kind: (sopClass: string) => boolean) => kind(facts.sopClass) || kind(facts.storedAs);
  if (burnedIn === 'YES') return 'Burned In Annotation (0028,0301) is YES';
  if (video.test(transferSyntax)) return 'it is a video';
  if (is(secondaryCapture)) return 'it is a secondary capture';
  if (is((sopClass) => ultrasound.has(sopClass))) return 'it is an ultrasound image';
  if (is(visibleLight)) return 'it is a visible light image';
  if (riskyModalities.has(modality)) return `its Modality (0008,0060) is ${modality}`;
  if (captured.has(conversion)) return 'Conversion Type (0008,0064) says that a film, a paper or a screen was captured';
  const screen = imageType.some((value) => screens.test(value));
  return screen ? 'Image Type (0008,0008) says that it is a screen, a report or a label' : undefined;
}

const pixelTags = [0x7fe00010, 0x7fe00008, 0x7fe00009];
const encapsulatedDocument = 0x00420011;
const waveforms = 0x54000100;

const ruleWanted = (sopClass: string, modality: string) =>
  `write a rule for it under burnedIn of step deidentify: match (modality ${printable(modality)}, sopClass ${printable(sopClass)}, manufacturer, model, rows, columns) and regions, or no regions where its pixels are known to be clean`;

const printable = (text: string) => (/^[\w.-]{1,64}$/.test(text) ? text : 'unknown');

export function judgePixels(
  object: {
    meta: { sopClassUid: string; transferSyntaxUid: string };
    encoding: { littleEndian: boolean };
    dataSet: DataSet;
  },
  rules: readonly BurnedInRule[],
): PixelJudgement {
  const { dataSet, meta, encoding } = object;
  const facts = factsOf(dataSet, meta, encoding);
  if (element(dataSet, encapsulatedDocument) !== undefined) return judgeDocument(facts, rules);
  const isSpeech = speech.has(facts.sopClass) && element(dataSet, waveforms) !== undefined;
  const hasPixels = pixelTags.some((tag) => element(dataSet, tag) !== undefined);
  if (!hasPixels && !isSpeech) return { kind: 'harmless' };
  const rule = rules.find(({ match }) => fits(facts, match));
  if (rule !== undefined) return { kind: 'known', regions: rule.regions };
  const risk = isSpeech ? 'it is a recording of speech' : riskOf(facts);
  if (risk === undefined) return { kind: 'harmless' };
  const reason = `${risk}, so it may show who the patient is; ${ruleWanted(facts.sopClass, facts.modality)}`;
  return { kind: 'refuse', code: 'deidentify.burned-in-risk', reason };
}

/** Nothing can be said of a document; only a rule that names its SOP class and has no regions lets it pass as it is. */
function judgeDocument(facts: Facts, rules: readonly BurnedInRule[]): PixelJudgement {
  const rule = rules.find(
    ({ match, regions }) => match.sopClass !== undefined && regions.length === 0 && fits(facts, match),
  );
  if (rule !== undefined) return { kind: 'known', regions: [] };
  const reason = `it holds an encapsulated document, which nobody here can look into; where such documents are known to name nobody, write a rule without regions for sopClass ${printable(facts.sopClass)} under burnedIn of step deidentify`;
  return { kind: 'refuse', code: 'deidentify.document', reason };
}
