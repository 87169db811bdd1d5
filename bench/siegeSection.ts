/**
 * What 2,000 connections that want nothing cost 16 senders that mean it: the same gateway and the same data, alone and under
 * siege, in turns. Half of the crowd keeps silent, half sends a byte a second; half of it is on the plain port, half on the TLS
 * port, half of these after a whole handshake (test/support/crowd.ts). Who is closed comes again after a second.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Crowd } from '../test/support/crowd.ts';
import { freePorts } from '../test/support/serverProcess.ts';
import { sendLoad } from './loadgen.ts';
import { makePayload, type Payload } from './payloads.ts';
import { peakResidentBytes } from './processTree.ts';
import type { Receiver } from './receiver.ts';
import { createGateway } from './receivers/gateway.ts';
import type { Section, SectionSetting } from './section.ts';
import { median, pairedRatio, rounded } from './statistics.ts';
import { prepareRun } from './storage.ts';
import { figure, formatTable } from './table.ts';

const associations = 16;
const members = { silent: 1_000, dribbling: 1_000 };

/**
 * `default`: as a site runs that says nothing: all of the crowd is held until ARTIM. `evicting`: a quarter of it may be there at
 * a time, so that the rest is closed and comes again all the time, which costs the crowd as much as the gateway.
 */
const variants = {
  default: {},
  evicting: { limits: { pendingConnections: 512 } },
};
type Variant = keyof typeof variants;

type Round = { alone?: number; siege?: number; held: number; closed: number; rssBytes: number };

class Siege {
  readonly #setting: SectionSetting;
  readonly #payload: Payload;
  readonly #count: number;
  readonly #plainPort: number;
  readonly #directory: string;
  readonly receiver: Receiver;

  constructor(setting: SectionSetting, variant: Variant, plainPort: number, count: number) {
    const { pki, storage } = setting;
    this.#setting = setting;
    this.#plainPort = plainPort;
    this.#count = count;
    this.#directory = join(storage.directory, 'siege', variant);
    mkdirSync(this.#directory, { recursive: true });
    this.#payload = makePayload('CT', join(storage.directory, 'payloads'));
    const { certificateFile, keyFile } = pki.server;
    const tls = { certificateFile, keyFile, clientCaFile: pki.caFile };
    const extra = (port: number) => ({
      listeners: [
        { name: 'tls', host: '127.0.0.1', port, tls },
        { name: 'plain', host: '127.0.0.1', port: plainPort, plain: true },
      ],
      ...variants[variant],
    });
    const segments = Math.ceil((2.3 * count * this.#payload.size) / 2 ** 27) + 4;
    this.receiver = createGateway({ transport: 'tls', directory: this.#directory, pki }, extra, segments);
  }

  async #send(count: number): Promise<number> {
    const { port, calledAeTitle } = this.receiver;
    const result = await sendLoad({
      ...{ port, calledAeTitle, payload: this.#payload, count, associations, tls: this.#setting.pki.client },
    });
    if (result.ok < count) throw new Error(`${result.ok} of ${count} acknowledged: ${result.error}`);
    return result.ok / result.seconds;
  }

  /** With an idle gateway: what a crowd does to it would never let it be. */
  #prepare(): Promise<void> {
    return prepareRun(this.receiver, this.#directory, this.#count * this.#payload.size);
  }

  async #alone(): Promise<number> {
    await this.#prepare();
    return this.#send(this.#count);
  }

  async #besieged(): Promise<{ rate: number; held: number; closed: number; rssBytes: number }> {
    await this.#prepare();
    const { caFile, certificateFile, keyFile } = this.#setting.pki.client;
    const crowd = new Crowd({
      ...{ plainPort: this.#plainPort, tlsPort: this.receiver.port, ...members, comeAgainMs: 1_000 },
      ...{ caFile, certificateFile, keyFile },
    });
    try {
      const before = await crowd.gathered();
      const rate = await this.#send(this.#count);
      const { held = 0, closed = 0 } = crowd.state ?? {};
      const rssBytes = peakResidentBytes(this.receiver.pids);
      return { rate, held: Math.min(held, before.held), closed: closed - before.closed, rssBytes };
    } finally {
      await crowd.disperse();
    }
  }

  /** Alone first in one round, under siege first in the next. */
  async round(number: number): Promise<Round> {
    await this.#send(200); // warm: the gateway has been started anew
    const first = number % 2 === 0 ? await this.#alone() : undefined;
    const { rate, ...figures } = await this.#besieged();
    const alone = first ?? (await this.#alone());
    await this.receiver.reset();
    return { alone, siege: rate, ...figures };
  }
}

async function measure(setting: SectionSetting, variant: Variant): Promise<Round[]> {
  const { quick, say } = setting;
  const [plainPort = 0] = await freePorts(1);
  const siege = new Siege(setting, variant, plainPort, quick ? 2_500 : 4_000);
  const rounds: Round[] = [];
  await siege.receiver.start();
  try {
    for (let number = 0; number < (quick ? 3 : 5); number++) {
      say(`siege, ${variant} limits, round ${number + 1} …`);
      rounds.push(await siege.round(number));
    }
  } finally {
    await siege.receiver.stop();
  }
  return rounds;
}

function row(variant: string, rounds: readonly Round[]): string[] {
  const of = (value: (round: Round) => number | undefined) =>
    median(rounds.map(value).filter((each) => each !== undefined));
  return [
    variant,
    figure(of(({ alone }) => alone)),
    figure(of(({ siege }) => siege)),
    figure(ratioOf(rounds)),
    figure(of(({ held }) => held)),
    figure(of(({ closed }) => closed)),
    figure(Math.max(...rounds.map(({ rssBytes }) => rssBytes)) / 1e6),
  ];
}

const ratioOf = (rounds: readonly Round[]) =>
  pairedRatio(
    rounds.map(({ siege }) => siege),
    rounds.map(({ alone }) => alone),
  );

/** `siegeVsAlone`: with default limits. */
export const benchSiege: Section = async (setting) => {
  const { say } = setting;
  const couldNotRun: Record<string, string> = {};
  const measured = new Map<Variant, Round[]>();
  for (const variant of Object.keys(variants) as Variant[]) {
    try {
      measured.set(variant, await measure(setting, variant));
    } catch (error) {
      couldNotRun[`siege, ${variant} limits`] = error instanceof Error ? error.message : String(error);
    }
  }
  const head = ['limits', 'alone, /s', 'under siege, /s', 'siege/alone', 'held', 'closed meanwhile', 'peak RSS MB'];
  say(
    `\n${formatTable(
      head,
      [...measured].map(([variant, rounds]) => row(variant, rounds)),
    )}\n`,
  );
  const ratio = (variant: Variant) => ratioOf(measured.get(variant) ?? []);
  const rss = [...measured.values()].flat().map(({ rssBytes }) => rssBytes);
  return {
    summary: {
      siegeVsAlone: rounded(ratio('default')),
      siegeVsAloneEvicting: rounded(ratio('evicting')),
      siegePeakRssMb: rss.length === 0 ? null : Math.round(Math.max(...rss) / 1e6),
    },
    couldNotRun,
  };
};
