/** Storage SCU (PS3.4 annex B): sends files and folders as they lie on disk, streamed, on one or more associations. */
import { open } from 'node:fs/promises';
import { describeError, GatewayError } from '../../base/errors.ts';
import { type CommandSet, commandField, encodeCommandSet } from '../dimse/commandSet.ts';
import { encodePData } from '../dimse/pdvWriter.ts';
import { cancelled } from './connect.ts';
import { findFiles } from './findFiles.ts';
import { dataSetFrames, lengthOnTheWire } from './frames.ts';
import { describeObjectFile, type ObjectFile } from './objectFile.ts';
import { Requestor, type ScuTarget } from './requestor.ts';
import { type Batch, planBatches } from './sendPlan.ts';
import { explainContextResult, explainStatus, isStored } from './words.ts';

export type SentInstance = {
  file: string;
  sopClassUid: string;
  sopInstanceUid: string;
  /** The peer's answer; undefined when there was none. */
  status: number | undefined;
  /** Bytes of the data set. */
  bytes: number;
  /** From the first byte of the request to the response. */
  ms: number;
};

export type SendOptions = ScuTarget & {
  /** Files and folders; folders are read recursively. */
  paths: readonly string[];
  /** How many associations at a time; default 1. */
  associations?: number;
  /** Requests that may be unanswered at a time on each, if the peer grants so many; default 1. */
  window?: number;
  onInstance?: (instance: SentInstance) => void;
};

export type SendReport = {
  /** Instances that were sent whole, answered or not. */
  sent: number;
  /** Of these, answered with success, or with a warning that means "stored" (PS3.4 B.2.3). */
  acknowledged: number;
  /** Everything found that is not acknowledged, and why. */
  failed: Array<{ file: string; reason: string }>;
  /** Bytes of the data sets that were acknowledged. */
  bytes: number;
  seconds: number;
};

/** (0000,0800): any value but 0101H says that a data set follows. */
const hasDataSet = 0x0000;

const reasonOf = (error: unknown) => {
  const hint = error instanceof GatewayError && error.hint ? `; ${error.hint}` : '';
  return `${describeError(error)}${hint}`;
};

/**
 * Sends everything under `paths`. One file that cannot be sent, or is refused, does not stop the others: it stands in
 * the report. A cancelled send reports what it had reached. Throws only when nothing could be done at all: when a path
 * does not exist, or when not a single association came about (`scu.rejected`, `scu.connection-refused`, ...).
 */
export async function sendFiles(options: SendOptions): Promise<SendReport> {
  const started = performance.now();
  const report: SendReport = { sent: 0, acknowledged: 0, failed: [], bytes: 0, seconds: 0 };
  const objects: ObjectFile[] = [];
  for await (const file of findFiles(options.paths)) {
    if (options.signal?.aborted) break;
    try {
      objects.push(await describeObjectFile(file));
    } catch (error) {
      report.failed.push({ file, reason: reasonOf(error) });
    }
  }
  let opened = 0;
  let openError: unknown;
  for (const batch of planBatches(objects)) {
    const sender = new BatchSender(options, batch, report);
    await sender.run();
    opened += sender.opened;
    openError ??= sender.openError;
  }
  if (opened === 0 && openError !== undefined && !options.signal?.aborted) throw openError;
  report.seconds = (performance.now() - started) / 1000;
  return report;
}

/** Sends one batch: its associations take objects from one queue, so a slow instance delays only its own association. */
class BatchSender {
  opened = 0;
  openError: unknown;
  readonly #options: SendOptions;
  readonly #batch: Batch;
  readonly #report: SendReport;
  #next = 0;

  constructor(options: SendOptions, batch: Batch, report: SendReport) {
    this.#options = options;
    this.#batch = batch;
    this.#report = report;
  }

  async run(): Promise<void> {
    const count = Math.max(1, Math.min(this.#options.associations ?? 1, this.#batch.objects.length));
    await Promise.all(Array.from({ length: count }, () => this.#work()));
    // Left over only when no association could be had any more.
    for (const { object } of this.#batch.objects.slice(this.#next)) this.#fail(object, this.openError);
  }

  /** One association after another (a broken one is replaced) until the queue is empty. */
  async #work(): Promise<void> {
    while (this.#next < this.#batch.objects.length) {
      let requestor: Requestor;
      try {
        requestor = await this.#open();
      } catch (error) {
        this.openError = error;
        return;
      }
      await this.#sendOn(requestor);
      await requestor.release();
    }
  }

  /** Takes from the queue until it is empty or the association is over. Each that was taken is answered then, or has failed. */
  async #sendOn(requestor: Requestor): Promise<void> {
    const unanswered = new Set<Promise<void>>();
    let messageId = 0;
    while (this.#next < this.#batch.objects.length && !requestor.ended) {
      const entry = this.#batch.objects[this.#next++];
      if (entry === undefined) break;
      do messageId = (messageId % 0xffff) + 1;
      while (requestor.isWaitingFor(messageId));
      const { done } = await this.#send(requestor, entry.object, entry.contextId, messageId);
      unanswered.add(done);
      void done.then(() => unanswered.delete(done));
      while (unanswered.size >= requestor.operationsWindow) await Promise.race(unanswered);
    }
    await Promise.all(unanswered);
  }

  async #open(): Promise<Requestor> {
    const { signal, calledAeTitle } = this.#options;
    if (signal?.aborted) throw cancelled('send', calledAeTitle);
    const operationsWindow = this.#options.window ?? 1;
    const requestor = await Requestor.open(this.#options, this.#batch.contexts, { operationsWindow });
    this.opened++;
    return requestor;
  }

  /** Resolves when the object is sent, or has failed; `done` when it is in the report, whatever became of it. */
  async #send(
    requestor: Requestor,
    object: ObjectFile,
    contextId: number,
    messageId: number,
  ): Promise<{ done: Promise<void> }> {
    const started = performance.now();
    try {
      if (!requestor.isAccepted(contextId)) throw contextRefused(object, requestor.contextResult(contextId));
      const { response } = await this.#store(requestor, object, contextId, messageId);
      this.#report.sent++;
      return { done: this.#settle(object, response, started) };
    } catch (error) {
      return { done: this.#settle(object, Promise.reject(error), started) };
    }
  }

  async #settle(object: ObjectFile, response: Promise<CommandSet>, started: number): Promise<void> {
    const bytes = lengthOnTheWire(object);
    let status: number | undefined;
    try {
      status = (await response).status ?? 0xffff;
      if (!isStored(status)) throw notStored(object, status);
      this.#report.acknowledged++;
      this.#report.bytes += bytes;
    } catch (error) {
      this.#fail(object, error);
    }
    const ms = performance.now() - started;
    const { path: file, sopClassUid, sopInstanceUid } = object;
    this.#options.onInstance?.({ file, sopClassUid, sopInstanceUid, status, bytes, ms });
  }

  async #store(requestor: Requestor, object: ObjectFile, contextId: number, messageId: number) {
    const command = encodeCommandSet({
      commandField: commandField.cStoreRq,
      messageId,
      priority: 0,
      affectedSopClassUid: object.sopClassUid,
      affectedSopInstanceUid: object.sopInstanceUid,
      commandDataSetType: hasDataSet,
    });
    const { payload } = requestor;
    const framed = encodePData(contextId, command, 'command', payload + 6);
    const handle = await open(object.path, 'r');
    try {
      return await requestor.request(messageId, dataSetFrames(handle, object, contextId, payload, framed));
    } finally {
      await handle.close();
    }
  }

  #fail(object: ObjectFile, error: unknown): void {
    this.#report.failed.push({ file: object.path, reason: reasonOf(error) });
  }
}

function contextRefused(object: ObjectFile, result: number | undefined): GatewayError {
  const what = `SOP class ${object.sopClassUid} in transfer syntax ${object.transferSyntaxUid}`;
  return new GatewayError(`the peer refused the presentation context for ${what}: ${explainContextResult(result)}`, {
    code: 'scu.context-refused',
    operation: 'C-STORE',
    subject: object.sopInstanceUid,
    hint: 'allow it at the peer, or convert the object first',
  });
}

function notStored(object: ObjectFile, status: number): GatewayError {
  const { why, hint } = explainStatus(status);
  return new GatewayError(why, { code: 'scu.status', operation: 'C-STORE', subject: object.sopInstanceUid, hint });
}
