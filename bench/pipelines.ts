/** Ways to bring a study that is sent over DICOM into a store, each with the same store code at its end. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreConfiguration } from '../src/delivery/store/objectStore.ts';
import { type LoadResult, sendLoad } from './loadgen.ts';
import type { Payload } from './payloads.ts';
import type { Receiver, ReceiverSetting } from './receiver.ts';
import { createGateway } from './receivers/gateway.ts';
import type { UploadSource } from './uploader.ts';
import { startUploader, type UploadProcess } from './uploadProcess.ts';

/** As many uploads at a time as the gateway has when nobody says otherwise. */
export const concurrency = 8;
const associations = 4;
const longestSeconds = 300;

export type Study = { payload: Payload; count: number };

export type Pipeline = {
  readonly name: string;
  readonly pids: readonly number[];
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Sends the study; answers the seconds from the first byte until its last object is in the store, confirmed. */
  deliver(study: Study): Promise<number>;
  /** Where in the store the objects of a study are. */
  keyPrefix(study: Study): string;
};

async function send(receiver: Receiver, { payload, count }: Study, setting: ReceiverSetting): Promise<LoadResult> {
  const { port, calledAeTitle } = receiver;
  const tls = setting.transport === 'tls' ? { tls: setting.pki.client } : {};
  const result = await sendLoad({ port, calledAeTitle, payload, count, associations, ...tls });
  if (result.ok < count) throw new Error(`${result.ok} of ${count} acknowledged ${result.error}`);
  return result;
}

const seconds = (since: number) => (performance.now() - since) / 1000;

/** The gateway: stored with proof when the receipt is durable, which is after the store has confirmed. */
export function gatewayPipeline(setting: ReceiverSetting, store: StoreConfiguration): Pipeline {
  const { type, name, prefix } = store;
  const written =
    type === 'directory'
      ? { name, type, prefix, path: store.path }
      : {
          ...{ name, type, prefix, endpoint: store.endpoint, region: store.region, bucket: store.bucket },
          ...{ accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey, pathStyle: store.pathStyle },
        };
  const gateway = createGateway(setting, {
    stores: [written],
    routes: [{ name: 'all', store: name }],
    spool: { keepDelivered: 0 },
    study: { quietSeconds: 2 },
    delivery: { concurrency },
  });
  const ledger = join(setting.directory, 'state', 'receipts', 'ledger.jsonl');
  const receipts = () => {
    try {
      return readFileSync(ledger, 'latin1').split('\n').length - 1;
    } catch {
      return 0; // not begun yet
    }
  };
  return {
    name: 'gateway',
    get pids() {
      return gateway.pids;
    },
    start: () => gateway.start(),
    stop: () => gateway.stop(),
    deliver: async (study) => {
      const before = receipts();
      const start = performance.now();
      await send(gateway, study, setting);
      while (receipts() < before + study.count) {
        if (seconds(start) > longestSeconds) throw new Error(`${receipts() - before} of ${study.count} receipts`);
        await sleep(10);
      }
      return seconds(start);
    },
    keyPrefix: ({ payload }) => `bench/studies/${payload.studyInstanceUid}/`,
  };
}

type PeerSource = (study: Study) => Promise<UploadSource>;

/** A receiver, and an uploader that takes each instance as soon as the receiver has it. */
function peerPipeline(
  name: string,
  receiver: Receiver,
  setting: ReceiverSetting,
  store: StoreConfiguration,
  source: PeerSource,
): Pipeline {
  let uploader: UploadProcess | undefined;
  const folder = name.replaceAll(/\W+/g, '-').toLowerCase();
  const keyPrefix = ({ payload }: Study) => `${folder}/studies/${payload.studyInstanceUid}`;
  return {
    name,
    get pids() {
      return [...receiver.pids, ...(uploader ? [uploader.pid] : [])];
    },
    start: async () => {
      await receiver.start();
      uploader = startUploader();
    },
    stop: async () => {
      await Promise.all([receiver.stop(), uploader?.stop()]);
    },
    deliver: async (study) => {
      if (!uploader) throw new Error('not started');
      await receiver.reset();
      const request = {
        store,
        source: await source(study),
        keyPrefix: keyPrefix(study),
        count: study.count,
        concurrency,
      };
      const { finished } = await uploader.upload(request);
      const start = performance.now();
      await send(receiver, study, setting);
      await finished;
      return seconds(start);
    },
    keyPrefix: (study) => `${keyPrefix(study)}/`,
  };
}

/** Orthanc without plug-ins: its changes are followed, each new instance is fetched by REST and uploaded. */
export function orthancPipeline(
  receiver: Receiver & { restUrl(): string },
  setting: ReceiverSetting,
  store: StoreConfiguration,
): Pipeline {
  return peerPipeline('Orthanc + upload', receiver, setting, store, async () => {
    const url = receiver.restUrl();
    const { Last } = (await (await fetch(`${url}/changes?last`)).json()) as { Last: number };
    return { type: 'orthanc', url, since: Last };
  });
}

/** storescp: its folder is watched. All files have one size, learned from a first one, so complete files are known for free. */
export function storescpPipeline(
  receiver: Receiver & { receivedDirectory(): string },
  setting: ReceiverSetting,
  store: StoreConfiguration,
): Pipeline {
  let fileSize: number | undefined;
  return peerPipeline('storescp --fork + upload', receiver, setting, store, async (study) => {
    const directory = receiver.receivedDirectory();
    if (fileSize === undefined) {
      await send(receiver, { ...study, count: 1 }, setting);
      const [name = ''] = readdirSync(directory);
      fileSize = statSync(join(directory, name)).size;
      await receiver.reset();
    }
    return { type: 'growing', directory, fileSize };
  });
}

/** The ceiling: files that lie ready in `directory`, into the same store. No DICOM, no receiving. */
export function ceilingPipeline(directory: string, store: StoreConfiguration): Pipeline {
  let uploader: UploadProcess | undefined;
  const keyPrefix = ({ payload }: Study) => `ceiling/studies/${payload.studyInstanceUid}`;
  return {
    name: 'store ceiling',
    get pids() {
      return uploader ? [uploader.pid] : [];
    },
    start: async () => {
      uploader = startUploader();
    },
    stop: async () => uploader?.stop(),
    deliver: async (study) => {
      if (!uploader) throw new Error('not started');
      const source: UploadSource = { type: 'files', directory };
      const request = { store, source, keyPrefix: keyPrefix(study), count: study.count, concurrency };
      return (await uploader.upload(request)).finished;
    },
    keyPrefix: (study) => `${keyPrefix(study)}/`,
  };
}
