/**
 * What is known of the inner link: from one peer, by its calling AE title, to this gateway. Units are in the names. A figure
 * is left out when there is no sample, and named in `tooFewSamples` when there are too few to rely on it.
 * docs/metrics.md defines each.
 */
export type InnerLink = {
  aeTitle: string;
  /** Milliseconds since 1970: since when figures have been kept for this peer. They survive restarts. */
  since: number;
  lastSeenAt?: number;
  /** Its last instance that was acknowledged with Success. */
  lastSuccessAt?: number;
  /** Associations that ended in the last 24 hours and had stored something: the samples of the four figures that follow. */
  associations24h: number;
  /** Goodput: bytes (images) stored over the time in which a C-STORE was under way, for each association. */
  bytesPerSecondP50?: number;
  /** Four of five associations were at least as fast. */
  bytesPerSecondP20?: number;
  imagesPerSecondP50?: number;
  imagesPerSecondP20?: number;
  /** All of the last minute over its 60 seconds, pauses included: 0 when nothing came. */
  bytesPerSecondLastMinute: number;
  imagesPerSecondLastMinute: number;
  /** Instances answered with Success in the last 24 hours: the samples of the two figures that follow. */
  acknowledgements24h: number;
  /** From the last byte of a data set to its response. */
  acknowledgeMsP50?: number;
  acknowledgeMsP99?: number;
  /** Minutes with evidence that the link worked, or did not. */
  goodMinutes24h: number;
  badMinutes24h: number;
  /** good / (good + bad), 0 to 1. */
  availability24h?: number;
  /** The same since the figures began. */
  goodMinutes: number;
  badMinutes: number;
  availability?: number;
  tooFewSamples: InnerLinkFigure[];
};

export type InnerLinkFigure =
  | 'bytesPerSecondP50'
  | 'bytesPerSecondP20'
  | 'imagesPerSecondP50'
  | 'imagesPerSecondP20'
  | 'acknowledgeMsP50'
  | 'acknowledgeMsP99'
  | 'availability24h'
  | 'availability';
