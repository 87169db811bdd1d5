/**
 * A foreign data part: any program, run over staged instances where it can reach nothing else. What its author may rely on is
 * in docs/data-part-contract.md; what the rest of the gateway works with is here.
 */
import type { GatewayError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Application, Scope } from '../application.ts';

export type SandboxOptions = {
  /** The sandbox's own folder, of this gateway only. What an earlier gateway left there is ended and removed when it is opened. */
  workDirectory: string;
  /** Folders that no application may lie in, or around: the state directory, keys, configuration with secrets. */
  hidden: string[];
  log: Log;
  /** Path of bubblewrap; looked for in the usual places when it is not said. */
  bubblewrap?: string;
  /** Whom data parts run as when the gateway is root; `nobody` when it is not said. Not used otherwise. */
  user?: { uid: number; gid: number };
  /** Do not use control groups, even where they are delegated. */
  withoutCgroup?: boolean;
};

/** How each limit is held. `sampled`: looked at ten times a second, so that it can be passed for a moment. */
export type Enforcement = {
  memory: 'cgroup' | 'sampled';
  /** `cgroup`: never more than its share of the processors. `budget`: share x wall time, as CPU time in all. */
  cpu: 'cgroup' | 'budget';
  processes: 'cgroup' | 'rlimit';
  /** One file is stopped by the kernel at the limit; many files together are sampled. */
  output: 'sampled';
  /** User and group of the machine that data parts run as. */
  uid: number;
  gid: number;
  /** Why control groups are not used, for people; undefined when they are. */
  withoutCgroup: string | undefined;
};

/** What the sandbox needs to know of an application. */
export type SandboxedApplication = Pick<Application, 'name' | 'version' | 'scope' | 'directory' | 'command' | 'limits'>;

export type SandboxRun = {
  application: SandboxedApplication;
  /**
   * The instances, as Part 10 files, and `study.json` (a StudyFile); nothing else, no folders. It has to be this run's own: files with
   * other links are refused, and when the gateway is root their owner is changed. Its path can be seen by the program (in
   * /proc/self/mountinfo), so no folder of it may be named after what was received.
   */
  inputDirectory: string;
  /** Empty. Holds the named files when the outcome is `finished`, nothing when it is `failed`. */
  outputDirectory: string;
  /** Where the last words of the program go, when it has any; they may hold patient data. Not in input or output. */
  stderrFile: string;
  signal: AbortSignal;
  /** Percent, as the program says it. */
  onProgress?: (percent: number) => void;
};

export type Sandbox = {
  readonly available: true;
  readonly enforcement: Enforcement;
  /** Never throws for what the program does. Several may run at a time. Call it from the main thread only: see `--die-with-parent`. */
  run(options: SandboxRun): Promise<SandboxOutcome>;
  /** Ends what still runs, as if it had been cancelled, and waits for it. */
  close(): Promise<void>;
};

/** Foreign data parts cannot be run on this machine as it is; the error says what is missing and how to mend it. */
export type SandboxUnavailable = { readonly available: false; readonly error: GatewayError };

export type SandboxFigures = {
  cpuSeconds: number;
  peakMemoryBytes: number;
  wallMs: number;
  /** Of everything in the output folder, named or not, at the end. */
  outputBytes: number;
};

export type FailureCause =
  /** It ended with a status other than 0. */
  | 'exit'
  /** It was ended by a signal that was not ours. */
  | 'signal'
  | 'wall-time'
  | 'cpu-time'
  | 'memory'
  | 'output-size'
  | 'processes'
  /** Status 0, but `result.json` is missing or does not fit what is in the folder. */
  | 'bad-result'
  /** The sandbox could not be set up. The program has not run. */
  | 'unavailable'
  | 'cancelled';

export type SandboxOutcome =
  | { kind: 'finished'; exitCode: 0; result: ResultFile; files: OutputFile[]; figures: SandboxFigures }
  | {
      kind: 'failed';
      cause: FailureCause;
      /**
       * Says what happened and what to do next, beginning with a verb ("was still running after …"): put the name of the
       * application in front. Names of files that the program chose are not in it.
       */
      message: string;
      exitCode: number | undefined;
      figures: SandboxFigures;
      /** Path of the file with its last words; undefined when it said nothing. */
      stderrFile: string | undefined;
    };

/** A file that `result.json` names, and that is there: regular, its only link, below the output folder. */
export type OutputFile = {
  /** Relative to the output folder: letters, digits, `.`, `_`, `-` and `/`. */
  path: string;
  contentType: string;
  size: number;
  /** Names of input files. */
  from: string[];
  /** It says that it is a Part 10 file; nobody has looked yet. */
  dicom: boolean;
};

/** `result.json`, as the program writes it. */
export type ResultFile = {
  format: 'medusa.result/1';
  files: Array<{ path: string; contentType: string; from: string[]; dicom?: boolean }>;
  measurements: Record<string, unknown>;
  summary: string;
};

/** `input/study.json`: what the program is told of its input. UIDs are those in the files. */
export type StudyFile = {
  format: 'medusa.study/1';
  scope: Scope;
  studyInstanceUid: string;
  instances: Array<{
    file: string;
    sopClassUid: string;
    sopInstanceUid: string;
    seriesInstanceUid: string;
    transferSyntaxUid: string;
    modality: string;
    size: number;
  }>;
  /** Instances of the unit that are not among the files, and why: a code such as `deidentify.burned-in-risk`. */
  left: Array<{ outcome: 'not-selected' | 'quarantined' | 'missing'; code: string; count: number }>;
};
