/** Who may associate. The policy is a narrow port with a typed answer; the composition root supplies it. */

export type Caller = {
  address: string;
  port: number;
  /** Name of the listener that the connection came in by. */
  listener: string;
  /** Present when the caller proved itself by a TLS client certificate: SHA-256 fingerprint, lower-case hexadecimal. */
  certificateFingerprint?: string;
};

/** PS3.8 table 9-21: how A-ASSOCIATE-RJ says no. */
export type Rejection = { result: 1 | 2; source: 1 | 2 | 3; reason: number };

export const rejection = {
  noReason: { result: 1, source: 1, reason: 1 },
  applicationContextNotSupported: { result: 1, source: 1, reason: 2 },
  callingAeTitleNotRecognized: { result: 1, source: 1, reason: 3 },
  calledAeTitleNotRecognized: { result: 1, source: 1, reason: 7 },
  protocolVersionNotSupported: { result: 1, source: 2, reason: 2 },
  temporaryCongestion: { result: 2, source: 3, reason: 1 },
  localLimitExceeded: { result: 2, source: 3, reason: 2 },
} as const satisfies Record<string, Rejection>;

export type Admission =
  | { admitted: true }
  /** `why` and `hint` go into the log: what was not right, and what mends it. */
  | { admitted: false; rejection: Rejection; why: string; hint: string };

export type AccessPolicy = {
  admit(request: { callingAeTitle: string; calledAeTitle: string }, caller: Caller): Admission;
};
