/** Senders that never stop: each keeps an association open and stores one instance after another, through every crash. */
import { createHash, randomBytes } from 'node:crypto';
import { commandField, encodeCommandSet } from '../../src/dicom/dimse/commandSet.ts';
import { encodePData } from '../../src/dicom/dimse/pdvWriter.ts';
import { status } from '../../src/dicom/dimse/status.ts';
import { Requestor } from '../../src/dicom/scu/requestor.ts';
import { syntheticUid, transferSyntaxes } from '../../synthetic/index.ts';

const rawStorage = '1.2.840.10008.5.1.4.1.1.66';

export type Acknowledged = { sopInstanceUid: string; studyInstanceUid: string; dataSetSha256: string };

/** The smallest data set that an index wants, with a private blob of any size as its content. */
export function dataSet(
  sopInstanceUid: string,
  studyInstanceUid: string,
  seriesInstanceUid: string,
  size: number,
): Buffer {
  const short = (group: number, element: number, vr: string, text: string) => {
    const value = Buffer.from(text.length % 2 === 0 ? text : `${text}${vr === 'UI' ? '\0' : ' '}`, 'latin1');
    const header = Buffer.alloc(8);
    header.writeUInt16LE(group, 0);
    header.writeUInt16LE(element, 2);
    header.write(vr, 4, 'latin1');
    header.writeUInt16LE(value.length, 6);
    return Buffer.concat([header, value]);
  };
  const blob = Buffer.alloc(12);
  blob.writeUInt16LE(0x7fe1, 0);
  blob.writeUInt16LE(0x1001, 2);
  blob.write('OB', 4, 'latin1');
  blob.writeUInt32LE(size & ~1, 8);
  return Buffer.concat([
    short(0x0008, 0x0016, 'UI', rawStorage),
    short(0x0008, 0x0018, 'UI', sopInstanceUid),
    short(0x0008, 0x0060, 'CS', 'OT'),
    short(0x0010, 0x0020, 'LO', 'SYNTHETIC'),
    short(0x0020, 0x000d, 'UI', studyInstanceUid),
    short(0x0020, 0x000e, 'UI', seriesInstanceUid),
    short(0x7fe1, 0x0010, 'LO', 'MEDUSA TEST'),
    blob,
    randomBytes(size & ~1),
  ]);
}

/** Mostly slices, some tiny objects, now and then one that needs several pieces. */
function someSize(random: number): number {
  if (random < 0.4) return 2_000 + Math.floor(random * 20_000);
  return random < 0.95 ? 200_000 + Math.floor(random * 400_000) : 3_000_000;
}

export class Load {
  readonly acknowledged: Acknowledged[] = [];
  /** Instances whose bytes were generated, acknowledged or not: what may be in the store. */
  readonly sent = new Map<string, string>();
  resent = 0;
  refused = 0;
  readonly #seed: string;
  readonly #workers: Promise<void>[];
  #port = 0;
  #stopped = false;
  #counter = 0;

  constructor(options: { associations: number; seed: string }) {
    this.#seed = options.seed;
    this.#workers = Array.from({ length: options.associations }, (_, i) => this.#work(i));
  }

  /** Where the gateway listens now; 0 while it is down. */
  set port(port: number) {
    this.#port = port;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  async #work(index: number): Promise<void> {
    const instance = { uid: '', study: '', bytes: Buffer.alloc(0) };
    let requestor: Requestor | undefined;
    let messageId = 0;
    while (!this.#stopped) {
      if (instance.uid === '') Object.assign(instance, this.#next(index));
      if (this.#port === 0) {
        await pause(10);
        continue;
      }
      try {
        if (requestor === undefined || requestor.ended) requestor = await this.#open();
        messageId = (messageId % 0xffff) + 1;
        const answer = await requestor.exchange(messageId, this.#frames(requestor, instance, messageId));
        if (answer.status === status.success) {
          const dataSetSha256 = this.sent.get(instance.uid) ?? '';
          this.acknowledged.push({ sopInstanceUid: instance.uid, studyInstanceUid: instance.study, dataSetSha256 });
          instance.uid = '';
        } else {
          this.refused++;
          await pause(50);
        }
      } catch {
        // The gateway is gone, or going: as a PACS would, send the same instance again when it is back.
        requestor = undefined;
        this.resent++;
        await pause(30);
      }
    }
    await requestor?.release();
  }

  #next(index: number) {
    const number = this.#counter++;
    const uid = syntheticUid(this.#seed, 'instance', number);
    const study = syntheticUid(this.#seed, 'study', Math.floor(number / 40));
    const bytes = dataSet(uid, study, syntheticUid(this.#seed, 'series', index), someSize(Math.random()));
    this.sent.set(uid, createHash('sha256').update(bytes).digest('hex'));
    return { uid, study, bytes };
  }

  #open(): Promise<Requestor> {
    return Requestor.open(
      {
        host: '127.0.0.1',
        port: this.#port,
        callingAeTitle: 'CRASHTEST',
        calledAeTitle: 'MEDUSA',
        timeouts: { connectMs: 1_000, associateMs: 2_000, responseMs: 20_000 },
      },
      [{ id: 1, abstractSyntax: rawStorage, transferSyntaxes: [transferSyntaxes.explicitLittleEndian] }],
    );
  }

  *#frames(requestor: Requestor, instance: { uid: string; bytes: Buffer }, messageId: number): Generator<Buffer> {
    const command = encodeCommandSet({
      commandField: commandField.cStoreRq,
      messageId,
      priority: 0,
      affectedSopClassUid: rawStorage,
      affectedSopInstanceUid: instance.uid,
      commandDataSetType: 0,
    });
    yield encodePData(1, command, 'command', requestor.payload + 6);
    yield encodePData(1, instance.bytes, 'data-set', requestor.payload + 6);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
