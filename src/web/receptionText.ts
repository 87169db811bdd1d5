/** Senders and limits in words, the same for the page and the terminal. Pure. */
import { formatCount, formatDuration, formatMilliseconds, formatShare, formatSize, formatTimes } from './format.ts';
import type { InnerLink, InnerLinkFigure } from './innerLink.ts';
import type { GatewayStatus, LimitStatus, LimitUnit, PeerStatus } from './status.ts';

/** Stands where there is no sample. */
export const noFigure = '-';
const nearShare = 0.8;
const shownForMs = 24 * 3_600_000;

export const unsureNote = '~ too few samples to rely on';

/** A figure, marked when there are too few samples behind it. */
function figure(link: InnerLink | undefined, name: InnerLinkFigure, format: (value: number) => string): string {
  const value = link?.[name];
  if (link === undefined || value === undefined) return noFigure;
  return `${link.tooFewSamples.includes(name) ? '~' : ''}${format(value)}`;
}

const formatRate = (bytesPerSecond: number) => `${formatSize(bytesPerSecond)}/s`;

export type SenderText = {
  /** Median and 20th percentile of goodput. */
  rate: string;
  rateP20: string;
  images: string;
  /** While something comes: all of the last minute. */
  lastMinute: string | undefined;
  acknowledgedP50: string;
  acknowledgedP99: string;
  available: string;
  turnedAway: string;
  /** Why it was, when it was. */
  turnedAwayWhy: string | undefined;
  lastSeen: string;
};

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, count) => all + count, 0);

/** `callingAeTitleNotRecognized` as `calling AE title not recognized`; a status stays as it is. */
const inWords = (name: string) =>
  name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(' ae title', ' AE title');

function reasons(what: string, counts: Record<string, number>): string[] {
  const most = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return most.slice(0, 3).map(([name, count]) => `${formatCount(count)} ${what}: ${inWords(name)}`);
}

export function senderText({ link, rejected, refused, lastSeenAt }: PeerStatus, now: number): SenderText {
  const why = [...reasons('rejected', rejected), ...reasons('refused', refused)];
  const recent = link?.bytesPerSecondLastMinute ?? 0;
  return {
    rate: figure(link, 'bytesPerSecondP50', formatRate),
    rateP20: figure(link, 'bytesPerSecondP20', formatRate),
    images: figure(link, 'imagesPerSecondP50', (value) => `${value >= 10 ? Math.round(value) : value.toFixed(1)}/s`),
    lastMinute: recent > 0 ? formatRate(recent) : undefined,
    acknowledgedP50: figure(link, 'acknowledgeMsP50', formatMilliseconds),
    acknowledgedP99: figure(link, 'acknowledgeMsP99', formatMilliseconds),
    available: figure(link, 'availability24h', formatShare),
    turnedAway: formatCount(sum(rejected) + sum(refused)),
    turnedAwayWhy: why.length === 0 ? undefined : why.join('; '),
    lastSeen: lastSeenAt === undefined ? 'never' : `${formatDuration(now - lastSeenAt)} ago`,
  };
}

export const hasUnsureFigures = (peers: readonly PeerStatus[]) =>
  peers.some(({ link }) => link?.tooFewSamples.some((name) => link[name] !== undefined));

const formatAmount: Record<LimitUnit, (value: number) => string> = {
  count: formatCount,
  bytes: formatSize,
  seconds: (value) => `${value} s`,
  bytesPerSecond: formatRate,
};

export type LimitText = { key: string; limit: string; inUse: string; hits: string };

const isNear = ({ inUse, limit }: LimitStatus) =>
  inUse !== undefined && limit !== undefined && inUse > nearShare * limit;

/** The limits that somebody should look at: nearly used up, or reached within a day. */
export function limitTexts({ limits, now }: GatewayStatus): LimitText[] {
  return limits
    .filter((limit) => isNear(limit) || now - (limit.lastHitAt ?? 0) < shownForMs)
    .map(({ key, unit, limit, inUse, hits, lastHitAt }) => {
      const format = formatAmount[unit];
      const last = lastHitAt === undefined ? '' : `, last ${formatDuration(now - lastHitAt)} ago`;
      return {
        key,
        limit: limit === undefined ? 'unlimited' : format(limit),
        inUse: inUse === undefined ? noFigure : format(inUse),
        hits: hits === 0 ? 'not reached' : `${formatTimes(hits)}${last}`,
      };
    });
}

/** Undefined when nobody had to wait. */
export function heldText({ held: { intake, answers, window } }: GatewayStatus): string | undefined {
  const parts = [
    { ...intake, why: 'for spool.bufferMemory' },
    { ...answers, why: 'because they did not read our answers' },
    { ...window, why: 'because they asked for more at a time than was agreed' },
  ];
  const said = parts
    .filter(({ times }) => times > 0)
    .map(({ times, seconds, why }) => `${formatTimes(times)} ${why}, ${formatDuration(seconds * 1000)} in all`);
  return said.length === 0 ? undefined : `Senders were held back ${said.join('; ')}.`;
}
