/** What a built-in step of a split application is: one instance in, one out, or a reason why not. */
import type { Bytes, DicomObject } from '../dicom/dataSet/dicomObject.ts';

/** What is written into receipts: which step, in which version, with which settings. Never a value from a data set. */
export type AppliedStep = { name: string; version: string; detail: string };

/** A result that a step makes beside the instance: a picture, the DICOM JSON. */
export type StepFile = {
  /** Below the application's results: letters, digits, `.`, `_`, `-` and `/`. Unique within a run. */
  name: string;
  contentType: string;
  bytes: Buffer;
};

/** Keys of the site for de-identification, derived from one master key (src/process/identity/siteKeys.ts). 32 bytes each. */
export type DeidentificationKeys = { uid: Buffer; dateShift: Buffer; pseudonym: Buffer };

/** What an instance said of a person before it was de-identified. Stays on this machine; never logged. */
export type Identity = {
  patient: {
    pseudonym: string;
    patientId: string;
    issuer: string;
    patientName: string;
    birthDate: string;
    sex: string;
  };
  /** Days by which dates were moved; 0 when they were kept or removed. */
  dateShiftDays: number;
  /** Original and new UIDs of the study, the series and the instance, and of what it refers to. */
  uids: Array<{ original: string; replacement: string; kind: 'study' | 'series' | 'instance' | 'other' }>;
  /** Original values (decoded text, 3 characters or more) that must not be found in anything that leaves. */
  values: string[];
};

export type StepContext = {
  keys: DeidentificationKeys;
  /** Puts bytes aside on disk, for what is too large to be held; lives as long as the run. */
  scratch: { append(bytes: Buffer): Bytes };
  /** Bytes of memory that one instance's work may take; a step refuses what does not fit. */
  memoryLimit: number;
  /** Name for files of this instance, safe in a path: its (de-identified) SOP Instance UID when there is one. */
  fileStem(object: DicomObject): string;
};

export type StepOutcome =
  | { kind: 'pass'; object: DicomObject; applied: AppliedStep; files?: StepFile[]; identity?: Identity }
  /** The application does not want it. */
  | { kind: 'not-selected'; reason: string }
  /** It cannot go on: quarantine. `code` is stable (`deidentify.burned-in-risk`), `reason` names tags, never values. */
  | { kind: 'refused'; code: string; reason: string };

export type InstanceStep = {
  readonly name: string;
  readonly version: string;
  apply(object: DicomObject, context: StepContext): StepOutcome | Promise<StepOutcome>;
};
