/**
 * Keeps the peers' figures over restarts: one small file, replaced every minute and at the end. It is worth no more than
 * itself: when it cannot be read, figures begin anew; when it cannot be written, the gateway goes on.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { replaceFile, writeFileDurably } from '../../base/durableFile.ts';
import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { PeerRegister } from '../peerFigures.ts';
import type { PeerEntries } from './peerRecord.ts';

const intervalMs = 60_000;

const count = z.number().min(0);
const counts = z.record(z.string(), count);
const histogram = z.array(z.tuple([z.int(), count])).max(1000);
const hours = z.array(z.tuple([z.int(), histogram])).max(30);

const figuresFile = z.object({
  version: z.literal(1),
  savedAt: z.number(),
  peers: z.array(
    z.object({
      aeTitle: z.string().max(80),
      since: z.number(),
      lastSeenAt: z.number().optional(),
      lastSuccessAt: z.number().optional(),
      counters: z.object({
        ...{ associations: count, released: count, abortedByPeer: count, abortedByUs: count, broken: count },
        ...{ instances: count, duplicates: count, bytes: count, refused: counts, rejected: counts },
      }),
      minutes: z.object({ goodMinutes: count, badMinutes: count, newest: z.int(), day: z.string().max(20_000) }),
      bytesPerSecond: hours,
      imagesPerSecond: hours,
      acknowledgeMs: hours,
      acknowledged: z.object({ counts: z.array(count).max(100), sumSeconds: count }),
    }),
  ),
});

export type SavedFigures = { savedAt: number; peers: PeerEntries[] };

/** The figures of the run before; undefined when there are none, or none that can be read. */
export function readFigures(path: string, log: Log): SavedFigures | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return figuresFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? 'it does not have the form that it should' : describeError(error);
    log.warn('figures.unreadable', `figures of the senders begin anew: ${path} cannot be read: ${reason}`);
    return undefined;
  }
}

const fileText = (savedAt: number, peers: readonly string[]) =>
  `{"version":1,"savedAt":${savedAt},"peers":[${peers.join(',\n')}]}\n`;

/** The same as at the end, but it lets others have their turn between the peers. */
async function textInTurns(register: PeerRegister, now: () => number): Promise<string> {
  const peers: string[] = [];
  for (const peer of register.all) {
    peers.push(JSON.stringify(peer.entries()));
    await setImmediate();
  }
  return fileText(now(), peers);
}

export type FiguresKeeper = { stop(): Promise<void> };

/**
 * Writes the figures now and then until `stop`, which writes them once more. To be begun when the
 * gateway listens. While `isListening` answers false, minutes
 * count against the links.
 */
export function keepFigures(options: {
  path: string;
  register: PeerRegister;
  /** When the run before wrote them last: nobody has listened since. */
  downSince: number | undefined;
  isListening(): boolean;
  now(): number;
  log: Log;
}): FiguresKeeper {
  const { path, register, log, now } = options;
  let writing: Promise<void> = Promise.resolve();
  let isFailing = false;
  let deafSince = options.downSince;
  const failed = (error: unknown) => {
    if (!isFailing) log.warn('figures.not-written', `figures of the senders are not kept: ${describeError(error)}`);
    isFailing = true;
  };
  const listenTo = () => {
    if (deafSince !== undefined) register.notListening(deafSince, now());
    deafSince = options.isListening() ? undefined : now();
  };
  const tick = () => {
    listenTo();
    writing = writing
      .then(async () => replaceFile(path, await textInTurns(register, now)))
      .then(() => {
        isFailing = false;
      }, failed);
  };
  listenTo();
  const timer = setInterval(tick, intervalMs);
  return {
    async stop() {
      clearInterval(timer);
      await writing;
      try {
        const peers = register.all.map((peer) => JSON.stringify(peer.entries()));
        writeFileDurably(path, fileText(now(), peers));
      } catch (error) {
        failed(error);
      }
    },
  };
}
