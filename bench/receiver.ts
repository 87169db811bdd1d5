/** The one port for everything that the bench sends to: a new receiver is one more file in receivers/. */
import type { TestPki } from '../test/support/certificates.ts';

export type Transport = 'tls' | 'plain';

export type ReceiverSetting = {
  transport: Transport;
  /** Where it may keep everything it writes; made for it, and removed after it. */
  directory: string;
  pki: TestPki;
};

export type Receiver = {
  /** As in tables and in the JSON result. */
  readonly name: string;
  readonly calledAeTitle: string;
  /** Known once it is started. */
  readonly port: number;
  /** The processes to watch: each with all its descendants. */
  readonly pids: readonly number[];
  /** Resolves when it accepts associations. Throws with a reason when it cannot be run here. */
  start(): Promise<void>;
  /** Ends it; fine when it never started. */
  stop(): Promise<void>;
  /** Bytes of memory in use now (resident, all its processes). */
  rss(): number;
  /** Throws away what it has stored. Not part of any measurement. */
  reset(): Promise<void>;
  /** `reset` starts it anew: it has to be warmed up again before it is measured. */
  readonly coldAfterReset?: true;
  /** For one that never syncs: makes its files durable. The time that this takes gives a row of its own, `<name> + sync`. */
  sync?(): Promise<void>;
};

export type CreateReceiver = (setting: ReceiverSetting) => Receiver;
