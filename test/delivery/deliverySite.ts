/**
 * A site from spool to stores, with the real courier process: instances go to `vault` as they are and through the application
 * `ct`, which de-identifies, to `research`. The engine is played by `work`, so that what a run makes is known exactly.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { createMemoryLog } from '../../src/base/log.ts';
import { CourierProcess } from '../../src/delivery/courierProcess.ts';
import { Dispatcher } from '../../src/delivery/dispatcher.ts';
import { ledgerLines } from '../../src/delivery/ledgerReader.ts';
import { resultKey } from '../../src/delivery/objectKeys.ts';
import { ProofWriter } from '../../src/delivery/proofWriter.ts';
import { ReceiptLedger } from '../../src/delivery/receiptLedger.ts';
import { reconcile } from '../../src/delivery/reconcile.ts';
import { generateSigningKey } from '../../src/delivery/signingKey.ts';
import type { StoreConfiguration } from '../../src/delivery/store/objectStore.ts';
import { openStore } from '../../src/delivery/store/openStore.ts';
import { type VerifyOptions, verifyStore } from '../../src/delivery/verify.ts';
import type { InstanceRecord } from '../../src/spool/index/instanceIndex.ts';
import type { Spool } from '../../src/spool/spool.ts';
import type { ResultPiece, ResultRecord, RunRecord, Task } from '../../src/spool/work/workTypes.ts';
import { describe, open } from '../spool/support.ts';
import { sha256 } from '../support/receipts.ts';

export const original = { study: '1.2.840.5551', series: '1.2.840.5551.7', peer: 'SECRETPACS', patient: 'DOE^JANE' };
/** Whatever must not be found in `research`. */
export const identifying = ['1.2.840.5551', original.peer, original.patient, 'vault', 'to-research'];
const headerBytes = 64;
const space = { prefix: '', site: 'site' };

/** As de-identification would: the same for the same UID, and nothing that leads back without a key. */
export const replacement = (uid: string) => `2.25.${BigInt(`0x${sha256(`key ${uid}`).slice(0, 30)}`)}`;
export const outputStudy = replacement(original.study);

export type DeliverySite = Awaited<ReturnType<typeof startSite>>;

export type SiteOptions = {
  directory: string;
  key?: ReturnType<typeof generateSigningKey>;
  stores?: StoreConfiguration[];
  /** Bytes of the report, for a foreign data part that is never twice of the same opinion. */
  report?: (task: Task) => string;
  keepDeliveredMs?: number;
};

export const directoryStores = (directory: string): StoreConfiguration[] =>
  ['vault', 'research'].map((name) => ({ name, type: 'directory', path: join(directory, name), prefix: '' }));

export async function startSite(options: SiteOptions) {
  const { directory, key = generateSigningKey(), stores = directoryStores(directory) } = options;
  for (const store of stores) if (store.type === 'directory') mkdirSync(store.path, { recursive: true });
  const { log, lines } = createMemoryLog();
  const application = { route: 'to-research', name: 'ct', version: '1.0.0', scope: 'study' as const, quietMs: 0 };
  const { spool } = open(join(directory, 'spool'), {
    ...(options.keepDeliveredMs === undefined ? {} : { keepDeliveredMs: options.keepDeliveredMs }),
    route: () => [
      { store: 'vault', priority: 0 },
      { store: 'research', priority: 0, application },
    ],
    resultKey: (run, result, version) => resultKey(space, run, result, version),
  });
  const receipts = join(directory, 'receipts');
  const ledger = await ReceiptLedger.open({ directory: receipts, site: 'site', key, log });
  const reconciled = await reconcile({ spool, ledger, clock: systemClock, log });
  const configuration = { stores, concurrency: 2, stateDirectory: join(directory, 'courier') };
  mkdirSync(configuration.stateDirectory, { recursive: true });
  const courier = new CourierProcess({
    configuration,
    handlers: {
      onReady: () => dispatcher.wake(),
      onConfirmed: (confirmations) => dispatcher.confirmed(confirmations),
      onFailed: (failures) => dispatcher.failed(failures),
      onReturned: (ids) => dispatcher.returned(ids),
    },
    log,
    clock: systemClock,
    backoff: { initialMs: 20, capMs: 100 },
  });
  const shared = {
    spool,
    ledger,
    clock: systemClock,
    log,
    stores: stores.map(({ name }) => ({ name, keySpace: space })),
  };
  const dispatcher: Dispatcher = new Dispatcher({
    ...shared,
    courier: {
      isReady: () => courier.state === 'ready',
      submit: (jobs) => void courier.send(jobs).catch(() => dispatcher.notTaken(jobs.map(({ id }) => id))),
    },
    concurrency: 2,
    retry: { initialMs: 20, capMs: 200 },
    quarantineAfter: 3,
  });
  const proof = new ProofWriter({
    ...shared,
    key,
    site: 'site',
    isIdentifiable: (store) => store === 'vault',
    quietMs: 0,
    onQueued: () => dispatcher.wake(),
  });
  let stopped = false;

  return {
    spool,
    ledger,
    courier,
    dispatcher,
    lines,
    key,
    reconciled,
    start() {
      courier.start();
      dispatcher.start();
    },
    /** Receives instances `from` to before `to`. */
    async receive(from: number, to: number, bytes = 3_000): Promise<void> {
      for (let i = from; i < to; i++) await receive(spool, `${original.series}.${i}`, bytes);
      spool.flushIndex();
    },
    work: () => work(spool, options.report ?? (({ instances }) => JSON.stringify({ instances }))),
    /** Resolves when everything is delivered, receipted and manifested. */
    async settled(): Promise<void> {
      const pending = () => {
        const waiting = spool.queue.counts().filter(({ state, n }) => state !== 'delivered' && n > 0);
        const behind = stores.filter(
          ({ name }) => (spool.index.getMeta(`receipts-uploaded:${name}`) ?? 0) < ledger.end.seq,
        );
        return [
          ...waiting,
          ...behind.map(({ name }) => name),
          ...(spool.index.studyCounts().open > 0 ? ['study'] : []),
        ];
      };
      for (let i = 0; i < 3_000 && pending().length > 0; i++) {
        await proof.run();
        await new Promise((go) => setTimeout(go, 10));
      }
      if (pending().length > 0) throw new Error(`not settled: ${JSON.stringify([pending(), lines.slice(-5)])}`);
    },
    count: (state: string) =>
      spool.queue
        .counts()
        .filter((row) => row.state === state && ['instance', 'result'].includes(row.kind))
        .reduce((sum, { n }) => sum + n, 0),
    async verify(name: string, more: Partial<VerifyOptions> = {}) {
      const found = stores.find((store) => store.name === name);
      if (!found) throw new Error(`no store ${name}`);
      const store = openStore(found, { retry: false });
      try {
        return await verifyStore({ store, site: 'site', publicKey: key.publicKey, ...more });
      } finally {
        await store.close();
      }
    },
    /** Lines of the site's own ledger, which verifies everything. */
    ledgerLines: () => ledgerLines(receipts),
    async stop(): Promise<void> {
      if (stopped) return;
      stopped = true;
      await proof.stop();
      dispatcher.stopGiving();
      await courier.stop(2_000);
      await dispatcher.stop();
      await ledger.close();
      await spool.close();
    },
  };
}

/** A header that names the patient, and pixels. */
async function receive(spool: Spool, sopInstanceUid: string, bytes: number): Promise<void> {
  const incoming = spool.receive();
  if ('refused' in incoming) throw new Error(incoming.refused);
  const header = Buffer.alloc(headerBytes, ' ');
  header.write(`${original.patient} ${sopInstanceUid}`);
  // Pseudo-random, so that a resend is the same instance.
  const pixels = Buffer.alloc(bytes, createHash('sha256').update(sopInstanceUid).digest());
  incoming.write(Buffer.concat([header, pixels]));
  await incoming.commit(
    describe(sopInstanceUid, {
      studyInstanceUid: original.study,
      seriesInstanceUid: original.series,
      peer: original.peer,
    }),
  );
}

/** What is due is done: each instance with another header and its own pixels, a report, a picture. Returns the tasks. */
async function work(spool: Spool, reportOf: (task: Task) => string): Promise<Task[]> {
  const tasks = spool.tasks.claim(10, Date.now() + 60_000);
  for (const task of tasks) {
    const inputs = spool.tasks.inputs(task.id);
    const { directory } = await spool.results.begin(task);
    const record = await makeRun(spool, task, inputs, directory, reportOf(task));
    await spool.results.commit(directory, record);
    spool.tasks.finish(task.id, record);
  }
  return tasks;
}

async function makeRun(
  spool: Spool,
  task: Task,
  inputs: InstanceRecord[],
  directory: string,
  report: string,
): Promise<RunRecord> {
  const from = inputs.map(({ seq }) => seq);
  const results: ResultRecord[] = [];
  let headers = '';
  for (const input of inputs) {
    const sopInstanceUid = replacement(input.sopInstanceUid);
    const header = `ANON ${sopInstanceUid}`;
    const pieces: ResultPiece[] = [
      { file: 'headers', offset: headers.length, length: header.length },
      { instance: input.seq, offset: headerBytes, length: input.size - headerBytes },
    ];
    headers += header;
    const parts: Buffer[] = [];
    for await (const part of spool.read(input)) parts.push(part);
    const content = Buffer.concat([Buffer.from(header), Buffer.concat(parts).subarray(headerBytes)]);
    results.push({
      kind: 'instance',
      name: '',
      sopInstanceUid,
      seriesInstanceUid: replacement(original.series),
      sopClassUid: input.sopClassUid,
      transferSyntaxUid: input.transferSyntaxUid,
      contentType: 'application/dicom',
      size: content.length,
      sha256: sha256(content),
      pieces,
      from: [input.seq],
    });
  }
  writeFileSync(join(directory, 'headers'), headers);
  const files = { 'report.json': report, 'images/key-1.png': 'a picture' };
  mkdirSync(join(directory, 'output/images'), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, 'output', name), content);
    const pieces = [{ file: `output/${name}`, offset: 0, length: content.length }];
    const contentType = name.endsWith('.json') ? 'application/json' : 'image/png';
    results.push({ kind: 'file', name, contentType, size: content.length, sha256: sha256(content), pieces, from });
  }
  const bytes = (list: ReadonlyArray<{ size: number }>) => list.reduce((sum, { size }) => sum + size, 0);
  const { route, application, version, scope, unit, study, store, priority, revision } = task;
  return {
    format: 'medusa.run/1',
    ...{ route, application, version, scope, unit, study, store, priority, revision },
    outputStudy,
    outputUnit: outputStudy,
    isDeidentified: true,
    steps: [{ name: 'deidentify', version: '1.0.0', detail: 'basic' }],
    inputs: inputs.map(({ seq, sha256: digest, size }) => ({ instance: seq, outcome: 'used', sha256: digest, size })),
    results,
    figures: {
      bytesIn: bytes(inputs),
      bytesOut: bytes(results),
      instancesIn: inputs.length,
      instancesOut: inputs.length,
      files: 2,
      notSelected: 0,
      quarantined: 0,
      cpuSeconds: 0.25,
      peakMemoryBytes: 1_000,
      wallMs: 10,
      promisedRatio: 0.5,
    },
    finishedAt: Date.now(),
  };
}

export function loseIndex(directory: string, options: { runs?: boolean } = {}): void {
  const spool = join(directory, 'spool');
  for (const name of readdirSync(spool).filter((entry) => entry.startsWith('index.sqlite'))) rmSync(join(spool, name));
  if (options.runs) rmSync(join(spool, 'runs'), { recursive: true });
}

/** Every file of a directory store, by its key. */
export function filesOf(path: string): Map<string, Buffer> {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [relative(path, file), readFileSync(file)];
    }),
  );
}

export const noise = (bytes: number) => randomBytes(bytes).toString('base64');
