/**
 * What the commands need done. They know these functions and no technology: the real ones are wired in
 * `wiring.ts`, each imported only when its command runs, so that `--help` is quick.
 */
import type { LeveledLog } from '../../base/log.ts';
import type { StoreCapabilities, StoreConfiguration } from '../../delivery/store/objectStore.ts';
import type { AppRunReport, AppRunRequest } from '../applications/appRun.ts';
import type { Reidentified } from '../applications/reidentify.ts';
import type { Configuration } from '../config/configuration.ts';
import type * as identityTools from '../identity/identity.ts';

export type RunOptions = {
  log: LeveledLog;
  configFile: string;
  /** Takes what is to be done at SIGHUP, once there is something to be done. */
  onHangUp(reload: () => void): void;
  /** Aborted when the gateway should stop: finish or abort associations, then return. */
  stop: AbortSignal;
};

export type SendOptions = {
  host: string;
  port: number;
  /** Part 10 files, or folders that are searched for them. */
  paths: readonly string[];
  calledAeTitle: string;
  callingAeTitle: string;
  /** Associations at the same time; the files are shared out among them. */
  associations: number;
  /** Requests that may be unanswered at a time on each, if the receiver grants so many. */
  window: number;
  /** Without caFile the receiver's certificate has to be signed by a public authority. */
  tls?: { caFile?: string; certificateFile?: string; keyFile?: string };
  /** Ask for storage commitment afterwards, and wait for the report: on the association, or at an address of ours. */
  commit?: { listen?: { host: string; port: number }; waitMs: number };
  signal: AbortSignal;
};

export type EchoOptions = {
  host: string;
  port: number;
  calledAeTitle: string;
  callingAeTitle: string;
  /** As for SendOptions; `serverName`: the name in the receiver's certificate, when it is not the host. */
  tls?: { caFile?: string; certificateFile?: string; keyFile?: string; serverName?: string };
};

export type SendReport = {
  sent: number;
  /** Of these, answered with Success, or with a warning that means stored. */
  acknowledged: number;
  bytes: number;
  seconds: number;
  failed: Array<{ file: string; reason: string }>;
  /** When it was asked for. */
  commitment?: CommitmentOutcome;
};

export type CommitmentOutcome = {
  /** Instances that were acknowledged, and so asked for. */
  asked: number;
  committed: number;
  transactions: string[];
  /** Reported as not committed, with the Failure Reason (PS3.3 C.14.1.1). */
  failed: Array<{ sopInstanceUid: string; reason: string }>;
  /** Requests that were refused, or not reported in time. */
  problems: string[];
};

export type VerifyReport = {
  store: string;
  receipts: number;
  verified: number;
  bytes: number;
  /** What the store should hold and does not, or holds with other content. */
  missing: Array<{ key: string; reason: string }>;
  /** Faults of the receipts themselves: a broken chain, a wrong signature. */
  faults: string[];
};

export type SpoolInstance = {
  sopInstanceUid: string;
  studyInstanceUid: string;
  version: number;
  state: string;
  /** What was noticed at reception: `malformed`, `newVersion`, ... */
  flags: string[];
  bytes: number;
  peer: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
};

export type SpoolCheckReport = {
  segments: number;
  records: number;
  bytes: number;
  damaged: Array<{ segment: string; offset: number; sopInstanceUid?: string; reason: string }>;
};

export type RebuildReport = {
  segments: number;
  instances: number;
  studies: number;
  deliveries: number;
  seconds: number;
};

export type CommandDependencies = {
  /** Resolves when the gateway has stopped; rejects when it cannot start. */
  runGateway(config: Configuration, options: RunOptions): Promise<void>;
  /** Runs demo/main.ts with its output on ours; resolves with its exit code. */
  runDemo(args: readonly string[]): Promise<number>;
  sendFiles(options: SendOptions): Promise<SendReport>;
  /** C-ECHO on an association of its own; resolves with the milliseconds that the answer took. */
  echoPeer(options: EchoOptions): Promise<{ ms: number }>;
  /** Reads the store again and compares with the receipts. */
  verifyStore(config: Configuration, store: StoreConfiguration, signal: AbortSignal): Promise<VerifyReport>;
  /** Reaches the store and finds out what it can do; changes nothing that stays. */
  probeStore(store: StoreConfiguration, signal: AbortSignal): Promise<StoreCapabilities>;
  /** Offline: fails while a gateway runs on the state directory. */
  rebuildIndex(config: Configuration): Promise<RebuildReport>;
  listInstances(config: Configuration, filter: { studyInstanceUid?: string }): AsyncIterable<SpoolInstance>;
  /** Writes the newest version, or the one asked for, as a Part 10 file; resolves with its bytes. */
  exportInstance(
    config: Configuration,
    what: { sopInstanceUid: string; version?: number; output: string },
  ): Promise<{ bytes: number; sha256: string }>;
  /** Reads every record and compares it with its checksum. */
  checkSpool(config: Configuration): Promise<SpoolCheckReport>;
  /** Runs a split application over files, without a gateway. */
  runOnFiles(request: AppRunRequest): Promise<AppRunReport>;
  /** Writes an audit line, then looks the identities up that these UIDs and pseudonyms stand for. */
  reidentify(config: Configuration, request: { texts: readonly string[]; reason: string }): Promise<Reidentified[]>;
  /** What the `identity` commands need done. */
  identity(): Promise<typeof identityTools>;
};
