/** The inner link of one peer as a snapshot: what page, metrics and the SLA's watch read. Pure. */
import type { InnerLink, InnerLinkFigure } from '../../web/innerLink.ts';
import type { LogHistogram } from './logHistogram.ts';
import type { MinuteCounts } from './minutes.ts';
import type { PeerRecord } from './peerRecord.ts';

export type { InnerLink } from '../../web/innerLink.ts';

/** Fewer samples than these and the figure is named in `tooFewSamples`. */
export const samplesNeeded: Record<InnerLinkFigure, number> = {
  bytesPerSecondP50: 5,
  bytesPerSecondP20: 10,
  imagesPerSecondP50: 5,
  imagesPerSecondP20: 10,
  acknowledgeMsP50: 10,
  acknowledgeMsP99: 100,
  availability24h: 10,
  availability: 10,
};

/** The property, or nothing when there is no value for it. */
function given<Name extends string>(name: Name, value: number | undefined): Partial<Record<Name, number>> {
  return (value === undefined ? {} : { [name]: value }) as Partial<Record<Name, number>>;
}

function share({ goodMinutes, badMinutes }: MinuteCounts): number | undefined {
  const known = goodMinutes + badMinutes;
  return known === 0 ? undefined : goodMinutes / known;
}

/** `now`: milliseconds since 1970. */
export function innerLinkOf(peer: PeerRecord, now: number): InnerLink {
  const bytes = peer.bytesPerSecond.merged(now);
  const images = peer.imagesPerSecond.merged(now);
  const acknowledge = peer.acknowledgeMs.merged(now);
  const [day, all] = [peer.minutes.lastDay(now), peer.minutes.total];
  const samples: Record<InnerLinkFigure, LogHistogram | MinuteCounts> = {
    bytesPerSecondP50: bytes,
    bytesPerSecondP20: bytes,
    imagesPerSecondP50: images,
    imagesPerSecondP20: images,
    acknowledgeMsP50: acknowledge,
    acknowledgeMsP99: acknowledge,
    availability24h: day,
    availability: all,
  };
  const countOf = (of: LogHistogram | MinuteCounts) => ('samples' in of ? of.samples : of.goodMinutes + of.badMinutes);
  const figures = Object.keys(samples) as InnerLinkFigure[];
  return {
    aeTitle: peer.aeTitle,
    since: peer.since,
    ...given('lastSeenAt', peer.lastSeenAt),
    ...given('lastSuccessAt', peer.lastSuccessAt),
    associations24h: bytes.samples,
    ...given('bytesPerSecondP50', bytes.quantile(0.5)),
    ...given('bytesPerSecondP20', bytes.quantile(0.2)),
    ...given('imagesPerSecondP50', images.quantile(0.5)),
    ...given('imagesPerSecondP20', images.quantile(0.2)),
    bytesPerSecondLastMinute: peer.recentBytes.perSecond(now),
    imagesPerSecondLastMinute: peer.recentImages.perSecond(now),
    acknowledgements24h: acknowledge.samples,
    ...given('acknowledgeMsP50', acknowledge.quantile(0.5)),
    ...given('acknowledgeMsP99', acknowledge.quantile(0.99)),
    goodMinutes24h: day.goodMinutes,
    badMinutes24h: day.badMinutes,
    ...given('availability24h', share(day)),
    goodMinutes: all.goodMinutes,
    badMinutes: all.badMinutes,
    ...given('availability', share(all)),
    tooFewSamples: figures.filter((figure) => countOf(samples[figure]) < samplesNeeded[figure]),
  };
}
