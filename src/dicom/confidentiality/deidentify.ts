/**
 * The Basic Application Level Confidentiality Profile (PS3.15 Annex E) for one instance: a new object, and what the old one said
 * of people. Pixel data are not touched here: burnedIn.ts says what has to be done with them.
 */

import { characterSetOf, textValues } from '../dataSet/characterSets.ts';
import { type DataSet, type DicomObject, element } from '../dataSet/dicomObject.ts';
import { effectiveVr, emptyElement, putElement, uidValue } from '../dataSet/elements.ts';
import { isUid } from '../uids.ts';
import { type BurnedInRule, judgePixels, type PixelJudgement } from './burnedIn.ts';
import { type CollectedIdentity, collectIdentity } from './collectedIdentity.ts';
import { DataSetCleaner } from './dataSetCleaner.ts';
import { shiftDaysFor } from './dateShift.ts';
import { markersFor, notBurnedIn, putAll } from './markers.ts';
import { dropUnfitTables } from './pixelEncapsulation.ts';
import type { ProfileOption } from './profileOptions.ts';
import { aePseudonym, patientKey, patientPseudonym } from './pseudonym.ts';
import { isKnownTransferSyntax, isRegistered } from './registeredUids.ts';
import { requiredOfAnimals } from './requiredAttributes.ts';
import { SafePrivate, type SafePrivateElement } from './safePrivateTable.ts';
import { type Plan, planFor } from './treatments.ts';
import { UidReplacement } from './uidReplacement.ts';
import { hasForm, inOwnVr } from './valueForms.ts';

/** 32 bytes each, of the site. */
export type ConfidentialityKeys = { uid: Buffer; dateShift: Buffer; pseudonym: Buffer };
export type ConfidentialityRules = {
  options: readonly ProfileOption[];
  burnedIn: readonly BurnedInRule[];
  safePrivate: readonly SafePrivateElement[];
};

export type ReplacedUid = { original: string; replacement: string; kind: 'study' | 'series' | 'instance' | 'other' };
export type Patient = {
  pseudonym: string;
  patientId: string;
  issuer: string;
  patientName: string;
  birthDate: string;
  sex: string;
};
export type Deidentified = {
  object: DicomObject;
  /** Rectangles that have to be blanked before the object may go on. */
  regions: Array<{ x: number; y: number; width: number; height: number }>;
  patient: Patient;
  /** 0 when dates are kept or removed. */
  shiftDays: number;
  uids: ReplacedUid[];
  values: string[];
};
export type Refusal = Extract<PixelJudgement, { kind: 'refuse' }> | { kind: 'refuse'; code: string; reason: string };

const tags = {
  sopClass: 0x00080016,
  sopInstance: 0x00080018,
  referencedSopInstance: 0x00081155,
  patientName: 0x00100010,
  patientId: 0x00100020,
  issuer: 0x00100021,
  birthDate: 0x00100030,
  sex: 0x00100040,
  speciesDescription: 0x00102201,
  speciesCodes: 0x00102202,
  study: 0x0020000d,
  series: 0x0020000e,
  rows: 0x00280010,
  document: 0x00420011,
};
const mediaDirectory = '1.2.840.10008.1.3.10';
const maxPlans = 64;

export class Deidentifier {
  readonly #options: ReadonlySet<ProfileOption>;
  readonly #rules: ConfidentialityRules;
  readonly #keys: ConfidentialityKeys;
  readonly #safePrivate: SafePrivate;
  readonly #uids: UidReplacement;
  readonly #plans = new Map<string, Plan>();

  constructor(rules: ConfidentialityRules, keys: ConfidentialityKeys) {
    this.#rules = rules;
    this.#options = new Set(rules.options);
    this.#keys = keys;
    this.#safePrivate = new SafePrivate(rules.safePrivate);
    this.#uids = new UidReplacement(keys.uid);
  }

  /** The original stays as it is. */
  apply(original: DicomObject): Deidentified | Refusal {
    const sopClassUid = uidValue(original.dataSet, tags.sopClass) || original.meta.sopClassUid;
    if (sopClassUid === mediaDirectory || original.meta.sopClassUid === mediaDirectory) {
      const reason = 'it is a media directory (DICOMDIR), which refers to files, not to instances';
      return { kind: 'refuse', code: 'deidentify.unsupported', reason };
    }
    if (!isKnownTransferSyntax(original.meta.transferSyntaxUid)) {
      const reason = 'its Transfer Syntax UID is none that this version knows, so nobody can look into it';
      return { kind: 'refuse', code: 'deidentify.unsupported', reason };
    }
    const judgement = judgePixels(original, this.#rules.burnedIn);
    if (judgement.kind === 'refuse') return judgement;
    const identity = collectIdentity(original.dataSet, this.#options);
    if (!isRegistered(sopClassUid) && (!isUid(sopClassUid) || identity.isMentionedIn(sopClassUid))) {
      const reason = 'its SOP Class UID is no UID, or has a number of the patient in it';
      return { kind: 'refuse', code: 'deidentify.unsupported', reason };
    }
    return this.#apply(original, sopClassUid, judgement, identity);
  }

  #apply(
    original: DicomObject,
    sopClassUid: string,
    judgement: PixelJudgement,
    identity: CollectedIdentity,
  ): Deidentified {
    const { dataSet, encoding, meta } = original;
    const patient = patientOf(original);
    const patientIs = patientKey(patient.patientId, patient.issuer, uidValue(dataSet, tags.study));
    const pseudonym = patientPseudonym(this.#keys.pseudonym, patientIs);
    const shiftDays = this.#options.has('retainModifiedDates') ? shiftDaysFor(this.#keys.dateShift, patientIs) : 0;
    const uids = new Map<string, ReplacedUid>();
    const shifted = new Set<string>();
    const cleaner = new DataSetCleaner({
      plan: this.#planFor(sopClassUid),
      options: this.#options,
      safePrivate: this.#safePrivate,
      words: identity.words,
      isMentionedIn: (text) => identity.isMentionedIn(text),
      shiftDays,
      replaceUid: (uid, tag) => this.#replaceUid(uid, tag, uids),
      pseudonymFor: (tag, value) =>
        tag === tags.patientName || value === patient.patientId
          ? pseudonym
          : patientPseudonym(this.#keys.pseudonym, patientKey(value, patient.issuer, uidValue(dataSet, tags.study))),
      replaceAe: (title) => aePseudonym(this.#keys.pseudonym, title),
      onShifted: (text) => shifted.add(text.slice(0, 8)),
    });
    const result = cleaner.clean(dataSet, encoding);
    dropUnfitTables(result, encoding);
    putAll(result, markersFor(this.#options));
    if (isAnimal(dataSet)) keepRequiredOfAnimals(dataSet, result);
    if (judgement.kind === 'known') putKnown(original, result);
    // In step with (0008,0018), also where the data set has none.
    const sopInstanceUid =
      this.#options.has('retainUids') && hasForm('UI', meta.sopInstanceUid)
        ? meta.sopInstanceUid
        : this.#replaceUid(meta.sopInstanceUid, tags.sopInstance, uids);
    return {
      object: { meta: { ...meta, sopInstanceUid }, encoding, dataSet: result },
      regions: judgement.kind === 'known' ? judgement.regions : [],
      patient: { ...patient, pseudonym },
      shiftDays,
      uids: [...uids.values()],
      values: valuesOf(identity, shifted, pseudonym),
    };
  }

  #replaceUid(original: string, tag: number, uids: Map<string, ReplacedUid>): string {
    const replacement = this.#uids.replace(original);
    if (
      replacement !== original &&
      (tag === tags.sopInstance || tag === tags.study || tag === tags.series || !uids.has(original))
    ) {
      uids.set(original, { original, replacement, kind: kindOf(tag) });
    }
    return replacement;
  }

  #planFor(sopClassUid: string): Plan {
    const known = this.#plans.get(sopClassUid);
    if (known !== undefined) return known;
    const plan = planFor(this.#options, sopClassUid);
    if (this.#plans.size >= maxPlans) this.#plans.clear();
    this.#plans.set(sopClassUid, plan);
    return plan;
  }
}

function kindOf(tag: number): ReplacedUid['kind'] {
  if (tag === tags.study) return 'study';
  if (tag === tags.series) return 'series';
  return tag === tags.sopInstance || tag === tags.referencedSopInstance ? 'instance' : 'other';
}

const isAnimal = (dataSet: DataSet) =>
  element(dataSet, tags.speciesDescription) !== undefined || element(dataSet, tags.speciesCodes) !== undefined;

function keepRequiredOfAnimals(dataSet: DataSet, result: DataSet): void {
  for (const tag of requiredOfAnimals) {
    const original = element(dataSet, tag);
    if (original !== undefined) putElement(result, emptyElement(tag, effectiveVr(original)));
  }
}

/** A rule says that there is nothing to be seen, or what has to be blanked: a document stays as it was, an image says so. */
function putKnown({ dataSet }: DicomObject, result: DataSet): void {
  const document = element(dataSet, tags.document);
  if (document?.value.kind === 'bytes') putElement(result, document);
  if (element(dataSet, tags.rows) !== undefined) putElement(result, notBurnedIn);
}

function patientOf({ dataSet }: DicomObject): Omit<Patient, 'pseudonym'> {
  const set = characterSetOf(dataSet);
  const text = (tag: number) => {
    const found = element(dataSet, tag);
    return found === undefined ? '' : (textValues(inOwnVr(found), set)[0] ?? '');
  };
  return {
    patientId: text(tags.patientId),
    issuer: text(tags.issuer),
    patientName: text(tags.patientName),
    birthDate: text(tags.birthDate),
    sex: text(tags.sex),
  };
}

/** Without what legitimately stands in the result: a date that another one was moved to, our own pseudonym. */
function valuesOf(identity: CollectedIdentity, shifted: ReadonlySet<string>, pseudonym: string): string[] {
  return [...identity.values].filter((value) => !shifted.has(value) && value !== pseudonym);
}
