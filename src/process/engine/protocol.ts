/** What the gateway and its worker threads say to each other. Everything here is copied by structured clone. */
import type { ResultRecord } from '../../spool/work/workTypes.ts';
import type { Application } from '../application.ts';
import type { AppliedStep, DeidentificationKeys, Identity } from '../step.ts';
import type { ScannerSettings } from '../steps/clamd.ts';
import type { RunInput } from './runTypes.ts';

/** What the work on a run needs to know; sent to a thread before its first item, and again when it has changed. */
export type RunSetup = {
  run: number;
  application: Application;
  keys: DeidentificationKeys | undefined;
  /** Where the threads put their files, one each. */
  directory: string;
  memoryPerInstance: number;
  scanner: ScannerSettings | undefined;
  /** Whether instances are encoded and hashed as results; without, only files are made of them. */
  wantsInstances: boolean;
  /** Of all inputs: known when the gate is asked. */
  identities: Identity[];
};

/** A result with the inputs that its pieces lie in. */
export type Located = { result: ResultRecord; inputs: RunInput[] };

export type WorkItem =
  | { do: 'steps'; input: RunInput }
  /** Writes a result to `path`, read-only, for a foreign data part. */
  | ({ do: 'stage'; path: string } & Located)
  /** Takes over a file that a foreign data part has written: copies it into the run, hashes it, reads its UIDs if it is DICOM. */
  | { do: 'collect'; path: string; name: string; contentType: string; isDicom: boolean; from: number[] }
  /** Asks the gate. `original`: what an instance of the steps was made of. */
  | ({ do: 'check'; madeBy: 'steps' | 'data-part'; original: RunInput | undefined } & Located);

/** What came of an item. `reason`s hold UIDs and tags, never values of a data set. */
export type WorkAnswer =
  | {
      kind: 'passed';
      /** The instance itself first, when instances are wanted. */
      results: ResultRecord[];
      about: About;
      applied: AppliedStep[];
      identity: Identity | undefined;
    }
  | { kind: 'not-selected'; reason: string }
  | { kind: 'refused'; code: string; reason: string }
  /** Something that every item needs is away: the disk, the scanner. */
  | { kind: 'unavailable'; code: string; reason: string; hint: string }
  /** The same, but this item may be its cause: counted, and given up some day. */
  | { kind: 'interrupted'; code: string; reason: string; hint: string }
  | { kind: 'done' }
  | { kind: 'collected'; result: ResultRecord; study: string };

/** What an instance is called as the steps left it. '' where it does not say. */
export type About = { study: string; series: string; instance: string; modality: string };

export type ToWorker =
  | { kind: 'setup'; setup: RunSetup }
  | { kind: 'work'; run: number; items: WorkItem[] }
  /** The run is over: close its files. */
  | { kind: 'end'; run: number };

export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'answers'; answers: WorkAnswer[]; cpuSeconds: number; peakMemory: number };

/** Given to a thread at its start. */
export type WorkerData = {
  /** Names the thread's files: unlike that of any thread before. */
  thread: string;
  /** Int32: how many items the thread has begun since its start. Says which one it died on. */
  begun: SharedArrayBuffer;
  /** Modules in place of the table of steps and the gate; only tests name the first. */
  memoryPerInstance: number;
  stepsModule: string;
  gateModule: string | undefined;
};
