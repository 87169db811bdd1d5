/**
 * Identity that is drawn into the pixels, spoken, filmed or in a document: which instances may hold it, and which rule of the
 * manifest says where it stands or that there is none. Without a rule a risky instance is refused. Pure.
 */
import { type DataSet, element } from '../dataSet/dicomObject.ts';
import { hasEmbeddedOverlay } from './embeddedOverlays.ts';
import { factsOf, type PixelFacts } from './pixelFacts.ts';
import { quotedModality, quotedSopClass, riskOf } from './pixelRisks.ts';

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
  | { kind: 'refuse'; code: RefusalCode; reason: string };
type RefusalCode = 'deidentify.burned-in-risk' | 'deidentify.overlay-in-pixels' | 'deidentify.document';

const beginsWith = (value: string, beginning: string | undefined) =>
  beginning === undefined || value.toLowerCase().startsWith(beginning.toLowerCase());

function fits(facts: PixelFacts, { modality, sopClass, manufacturer, model, rows, columns }: BurnedInMatch): boolean {
  return (
    (modality === undefined || modality.toUpperCase() === facts.modality) &&
    (sopClass === undefined || sopClass === facts.sopClass) &&
    beginsWith(facts.manufacturer, manufacturer) &&
    beginsWith(facts.model, model) &&
    (rows === undefined || rows === facts.rows) &&
    (columns === undefined || columns === facts.columns)
  );
}

/** Basic Voice and General Audio Waveform Storage. */
const speech: ReadonlySet<string> = new Set(['1.2.840.10008.5.1.4.1.1.9.4.1', '1.2.840.10008.5.1.4.1.1.9.4.2']);
const pixelTags = [0x7fe00010, 0x7fe00008, 0x7fe00009];
const encapsulatedDocument = 0x00420011;
const waveforms = 0x54000100;

const ruleWanted = (sopClass: string, modality: string) =>
  `write a rule for it under burnedIn of step deidentify: match (modality ${quotedModality(modality)}, sopClass ${quotedSopClass(sopClass)}, manufacturer, model, rows, columns) and regions, or no regions where its pixels are known to be clean`;

const overlayInPixels =
  'an overlay (group 60xx) lies in unused bits of its pixel data, or is said to, and may be text; let the sender write overlays as Overlay Data (60xx,3000) with Overlay Bit Position 0 and Overlay Bits Allocated 1, or without any, or leave such instances out with the select step';

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
  const hasPixels = pixelTags.some((tag) => element(dataSet, tag) !== undefined);
  if (hasPixels && hasEmbeddedOverlay(dataSet, encoding))
    return { kind: 'refuse', code: 'deidentify.overlay-in-pixels', reason: overlayInPixels };
  if (element(dataSet, encapsulatedDocument) !== undefined) return judgeDocument(facts, rules);
  const isSpeech = speech.has(facts.sopClass) && element(dataSet, waveforms) !== undefined;
  if (!hasPixels && !isSpeech) return { kind: 'harmless' };
  const rule = rules.find(({ match }) => fits(facts, match));
  if (rule !== undefined) return { kind: 'known', regions: rule.regions };
  const risk = isSpeech ? 'it is a recording of speech' : riskOf(facts);
  if (risk === undefined) return { kind: 'harmless' };
  const reason = `${risk}, so it may show who the patient is; ${ruleWanted(facts.sopClass, facts.modality)}`;
  return { kind: 'refuse', code: 'deidentify.burned-in-risk', reason };
}

/** Nothing can be said of a document; only a rule that names its SOP class and has no regions lets it pass as it is. */
function judgeDocument(facts: PixelFacts, rules: readonly BurnedInRule[]): PixelJudgement {
  const rule = rules.find(
    ({ match, regions }) => match.sopClass !== undefined && regions.length === 0 && fits(facts, match),
  );
  if (rule !== undefined) return { kind: 'known', regions: [] };
  const reason = `it holds an encapsulated document, which nobody here can look into; where such documents are known to name nobody, write a rule without regions for sopClass ${quotedSopClass(facts.sopClass)} under burnedIn of step deidentify`;
  return { kind: 'refuse', code: 'deidentify.document', reason };
}
