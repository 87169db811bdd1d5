/** Reasons of A-ABORT by the service provider (PS3.8 table 9-26). */
export const abortReason = {
  notSpecified: 0,
  unrecognizedPdu: 1,
  unexpectedPdu: 2,
  unrecognizedParameter: 4,
  unexpectedParameter: 5,
  invalidParameterValue: 6,
} as const;

/** What a peer sent is not a PDU as PS3.8 defines it. `reason` goes into the A-ABORT that answers it. */
export class PduError extends Error {
  readonly reason: number;
  constructor(message: string, reason: number) {
    super(message);
    this.name = 'PduError';
    this.reason = reason;
  }
}
