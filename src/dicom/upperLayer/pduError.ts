/** Reasons of A-ABORT by the service provider (PS3.8 table 9-26). */
export const abortReason = {
  notSpecified: 0,
  unrecognizedPdu: 1,
  unexpectedPdu: 2,
  unrecognizedParameter: 4,
  unexpectedParameter: 5,
  invalidParameterValue: 6,
} as const;

/** Limits that are met here, by the names of their keys in the configuration. */
export type ProtocolLimit = 'maxPduLength' | 'associateRequestBytes' | 'artimTimeout';

/** What a peer sent is not a PDU as PS3.8 defines it. `reason` goes into the A-ABORT that answers it. */
export class PduError extends Error {
  readonly reason: number;
  /** It may well be one, but is longer than we allow. */
  readonly limit: ProtocolLimit | undefined;
  constructor(message: string, reason: number, limit?: ProtocolLimit) {
    super(message);
    this.name = 'PduError';
    this.reason = reason;
    this.limit = limit;
  }
}
