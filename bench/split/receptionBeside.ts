/**
 * What processing in the background costs reception: one gateway over TLS, the same load with and without a study that it
 * de-identifies meanwhile, in turns. The study is from a sender of its own, whose route goes through an application, and lies in
 * the spool before the clock starts; the load matches no route.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplicationStatus, GatewayStatus } from '../../src/web/status.ts';
import { fetchText } from '../../test/support/gatewayProcess.ts';
import { waitUntil } from '../../test/support/serverProcess.ts';
import { type LoadResult, sendLoad } from '../loadgen.ts';
import { makePayload, type Payload } from '../payloads.ts';
import type { Receiver } from '../receiver.ts';
import { createGateway } from '../receivers/gateway.ts';
import type { SectionSetting } from '../section.ts';
import { prepareRun } from '../storage.ts';
import { writeApplication } from './applications.ts';

const app = 'deidentify-instances';
const backlogSender = 'BACKLOG';
const associations = 4;
const warmUp = 200;

export type Sent = { perSecond: number; ackP50Ms: number; ackP99Ms: number };
export type BesideRound = {
  alone: Sent;
  beside: Sent;
  /** Instances that the engine has to do while the load comes. */
  backlog: number;
  /** Whether it was still at them when the load was over. */
  busyToTheEnd: boolean;
};
export type Beside = { rounds: BesideRound[]; couldNotRun: Record<string, string> };

export type BesideOptions = SectionSetting & {
  /** Instances of the load, and of the study in the background. */
  count: number;
  backlog: number;
  rounds: number;
  deadline: number;
};

class Bench {
  readonly #options: BesideOptions;
  readonly #payload: Payload;
  readonly #directory: string;
  #seed = 600;
  readonly receiver: Receiver;

  constructor(options: BesideOptions) {
    const { storage, pki, count, backlog } = options;
    this.#options = options;
    this.#directory = join(storage.directory, 'split-reception');
    this.#payload = makePayload('CT', join(storage.directory, 'payloads'));
    const [apps, objects] = [join(this.#directory, 'apps'), join(this.#directory, 'objects')];
    mkdirSync(objects, { recursive: true });
    writeApplication(apps, app);
    const extra = {
      study: { quietSeconds: 2, onAssociationEnd: 0.5 },
      applications: { directory: apps },
      stores: [{ name: 'local', type: 'directory', path: objects }],
      routes: [{ name: 'split', store: 'local', application: app, match: { peers: [backlogSender] } }],
      peers: [{ aeTitle: backlogSender }, { aeTitle: '*' }],
    };
    // Nothing of the load is ever delivered, so nothing of it is free again before the round ends.
    const segments = Math.ceil((1.2 * (warmUp + 2 * count + backlog) * this.#payload.size) / 2 ** 27) + 4;
    this.receiver = createGateway({ transport: 'tls', directory: this.#directory, pki }, extra, segments);
  }

  async round(number: number): Promise<BesideRound> {
    await this.#send(warmUp); // warm: the gateway has been started anew
    const first = number % 2 === 0 ? await this.#alone() : undefined;
    const beside = await this.#beside();
    const alone = first ?? (await this.#alone());
    await this.receiver.reset();
    return { alone, ...beside };
  }

  async #alone(): Promise<Sent> {
    await this.#prepare();
    return this.#send(this.#options.count);
  }

  async #beside(): Promise<Omit<BesideRound, 'alone'>> {
    const { backlog, count, storage } = this.#options;
    const before = (await this.#application()).runs;
    const study = makePayload('CT', join(storage.directory, 'payloads'), this.#seed++);
    await this.#prepare();
    await this.#send(backlog, study, backlogSender);
    await this.#until('the run in the background', ({ tasks }) => tasks.running > 0);
    const sent = await this.#send(count);
    const busyToTheEnd = (await this.#application()).runs === before;
    await this.#until('the end of the run', ({ runs }) => runs > before);
    await waitUntil('delivery', async () => {
      const { stores } = await this.#status();
      return stores.every(({ queued, inFlight }) => queued + inFlight === 0);
    });
    return { beside: sent, backlog, busyToTheEnd };
  }

  /** With an idle gateway, and the memory that the load takes in touched. */
  #prepare(): Promise<void> {
    const { count, backlog } = this.#options;
    return prepareRun(this.receiver, this.#directory, (count + backlog) * this.#payload.size);
  }

  async #send(count: number, payload = this.#payload, callingAeTitle = 'LOADGEN'): Promise<Sent> {
    const { port, calledAeTitle } = this.receiver;
    const load = { port, calledAeTitle, callingAeTitle, payload, count, associations, tls: this.#options.pki.client };
    const { ok, seconds, ackP50Ms, ackP99Ms, error }: LoadResult = await sendLoad(load);
    if (ok < count) throw new Error(`${ok} of ${count} acknowledged: ${error}`);
    return { perSecond: ok / seconds, ackP50Ms, ackP99Ms };
  }

  async #status(): Promise<GatewayStatus> {
    return JSON.parse(await fetchText(join(this.#directory, 'state', 'api.sock'), '/v1/status')) as GatewayStatus;
  }

  async #application(): Promise<ApplicationStatus> {
    const found = (await this.#status()).applications.find(({ application }) => application === app);
    if (found === undefined) throw new Error(`the gateway does not know application ${app}`);
    return found;
  }

  /** Throws Error, with the reason, when the run fails instead. */
  async #until(what: string, met: (now: ApplicationStatus) => boolean): Promise<void> {
    let failure: string | undefined;
    const isOver = async () => {
      const now = await this.#application();
      const { lastFailure, waitsFor } = now;
      failure = lastFailure === undefined ? waitsFor?.code : `${lastFailure.code}: ${lastFailure.message}`;
      return failure !== undefined || met(now);
    };
    await waitUntil(what, isOver, { limitMs: 120_000 });
    if (failure !== undefined) throw new Error(`the run in the background failed: ${failure}`);
  }
}

/** What cannot run is said in the result; nothing is thrown for it. */
export async function measureBeside(options: BesideOptions): Promise<Beside> {
  const { rounds, deadline, say } = options;
  const result: Beside = { rounds: [], couldNotRun: {} };
  const bench = new Bench(options);
  try {
    await bench.receiver.start();
    for (let number = 0; number < rounds; number++) {
      if (number > 0 && performance.now() > deadline) {
        result.couldNotRun[`reception beside processing, from round ${number + 1}`] = 'left out: time is up';
        break;
      }
      say(`split: reception beside processing, round ${number + 1} …`);
      result.rounds.push(await bench.round(number));
    }
  } catch (error) {
    result.couldNotRun['reception beside processing'] = error instanceof Error ? error.message : String(error);
  } finally {
    await bench.receiver.stop();
  }
  return result;
}
