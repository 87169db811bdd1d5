/**
 * A split application as its manifest describes it (DESIGN section 5). The schema with messages for people is in
 * manifest/; this is what the rest of the gateway works with, defaults filled in, sizes in bytes, durations in milliseconds.
 */

export type Scope = 'instance' | 'series' | 'study';

export type Selection = {
  modality?: string[];
  sopClass?: string[];
  /** All have to hold. A tag is `0008103E`; tests compare text without regard to case or padding. */
  tags?: Array<{
    tag: string;
    equals?: string;
    contains?: string;
    matches?: string;
    present?: boolean;
    min?: number;
    max?: number;
  }>;
  minInstances?: number;
  maxInstances?: number;
};

export type DeidentifyOption =
  | 'retainUids'
  | 'retainDeviceIdentity'
  | 'retainInstitutionIdentity'
  | 'retainPatientCharacteristics'
  | 'retainFullDates'
  | 'retainModifiedDates'
  | 'cleanDescriptors'
  | 'cleanGraphics'
  | 'cleanStructuredContent'
  | 'retainSafePrivate'
  | 'cleanPixelData';

export type BurnedInRule = {
  /** All that is said has to fit; `manufacturer` and `model` without regard to case, as a beginning. */
  match: {
    modality?: string;
    sopClass?: string;
    manufacturer?: string;
    model?: string;
    rows?: number;
    columns?: number;
  };
  /** Pixels to blank: columns x, rows y; none: it is known to be clean. */
  regions: Array<{ x: number; y: number; width: number; height: number }>;
};

export type StepSettings =
  | { step: 'select'; where: Selection }
  | {
      step: 'deidentify';
      profile: 'basic';
      options: DeidentifyOption[];
      burnedIn: BurnedInRule[];
      safePrivate: SafePrivateRule[];
    }
  | { step: 'compress'; transferSyntax: 'htj2k-lossless' | 'jpeg-ls-lossless'; recompress: boolean }
  | { step: 'preview'; format: 'png' | 'jpeg'; maxEdge: number; frames: 'middle' | 'all' | 'first' }
  | { step: 'metadata' }
  | { step: 'scan' };

/** A private element known to be safe (PS3.15 E.3.10), beyond the standard's own table. */
export type SafePrivateRule = { creator: string; group: number; element: number };

export type DataPartLimits = { memory: number; cpu: number; wall: number; output: number; processes: number };

/** What the half in the cloud needs there; bytes. */
export type CloudPart = {
  endpoint: string;
  image: string;
  infrastructure: {
    cores: number;
    memory: number;
    storage: number;
    architecture?: string;
    network?: { label?: string; vlan?: string; ports: Array<{ protocol: 'tcp' | 'udp'; from: number; to?: number }> };
  };
};

export type Application = {
  name: string;
  version: string;
  description: string;
  /** Folder of the manifest; commands and files are found from here. */
  directory: string;
  /** SHA-256 over all files of that folder: what tells two contents of one version apart. Lower-case hexadecimal. */
  digest: string;
  scope: Scope;
  select: Selection;
  steps: StepSettings[];
  /** A foreign data part: program and arguments, relative to the folder of the manifest; undefined when there is none. */
  command: string[] | undefined;
  limits: DataPartLimits;
  /** Largest share of the input that the results may have, as promised: 0.05 is 5 %. */
  promisedRatio: number | undefined;
  /** What the malware scanner being away means for step `scan`. */
  scannerDown: 'wait' | 'pass';
  cloudPart: CloudPart | undefined;
  deliver: 'results' | 'instances' | 'both';
  termination: { onFailure: 'quarantine'; onInstanceFailure: 'continue' | 'quarantine' };
};
