/** Who may associate. The policy is a narrow port with a typed answer; the composition root supplies it. */
import type { NegotiationPolicy } from '../upperLayer/negotiation.ts';
import type { UserIdentity } from '../upperLayer/pdu.ts';

export type { UserIdentity } from '../upperLayer/pdu.ts';

export type Caller = {
  /** IPv4 as `a.b.c.d`, whatever kind of socket it came by. */
  address: string;
  port: number;
  /** Name of the listener that the connection came in by. */
  listener: string;
  /** The TLS client certificate that it showed, and whose key it proved to have. Not trusted because it is here. */
  certificate?: CallerCertificate;
};

export type CallerCertificate = {
  /** SHA-256, lower-case hexadecimal. */
  fingerprint: string;
  /** Distinguished name in the form of RFC 4514, most specific part first: `CN=ct1,OU=Radiology,O=St Elsewhere`. */
  subject: string;
  /** Until when it is valid, in milliseconds since 1970. */
  notAfter?: number;
  /**
   * `verified`: in date, not revoked, signed by an authority of the listener. `unverified`: nobody vouches for it, and nothing
   * else is wrong; it counts only where its very fingerprint is expected. `invalid`: out of date, revoked or flawed; it counts
   * nowhere, its fingerprint notwithstanding. `problem` says what it is.
   */
  trust: { kind: 'verified'; authorities: readonly string[] } | { kind: 'unverified' | 'invalid'; problem: string };
};

/** PS3.8 table 9-21: how A-ASSOCIATE-RJ says no. */
export type Rejection = { result: 1 | 2; source: 1 | 2 | 3; reason: number };

export const rejection = {
  noReason: { result: 1, source: 1, reason: 1 },
  applicationContextNotSupported: { result: 1, source: 1, reason: 2 },
  callingAeTitleNotRecognized: { result: 1, source: 1, reason: 3 },
  calledAeTitleNotRecognized: { result: 1, source: 1, reason: 7 },
  protocolVersionNotSupported: { result: 1, source: 2, reason: 2 },
  /** The user identity was not accepted (PS3.7 D.3.3.7): by the service provider, without a reason. */
  notAuthorized: { result: 1, source: 2, reason: 1 },
  temporaryCongestion: { result: 2, source: 3, reason: 1 },
  localLimitExceeded: { result: 2, source: 3, reason: 2 },
} as const satisfies Record<string, Rejection>;

/** What applies to the associations of an admitted peer; what is left out is as for everybody. */
export type PeerTerms = {
  /** Name of the entry that speaks for the peer: its AE title, or `*`. */
  entry?: string;
  limits?: Partial<AssociationLimits>;
  negotiation?: NegotiationPolicy;
  /** The user identity was checked and is right: the peer is told so when it asked. */
  userIdentityConfirmed?: true;
};

/** Each limit that a peer can run into, by the name of its key under `limits`, everybody's or the peer's own. */
export type LimitName =
  | 'connections'
  | 'pendingConnections'
  | 'associations'
  | 'associationsPerPeer'
  | 'maxPduLength'
  | 'presentationContexts'
  | 'associateRequestBytes'
  | 'artimTimeout'
  | 'idleTimeout'
  | 'minimumRate'
  | 'operationsWindow'
  | 'instanceBytes'
  | 'associationBytes';

export type Admission =
  | { admitted: true; terms?: PeerTerms }
  /**
   * `why` and `hint` go into the log: what was not right, and what mends it. `limit`: it is a limit that was reached,
   * not a stranger; `limitEntry`: the limit is that entry's own. `identified`: it is the peer that it says it is; left out:
   * anybody may have given its AE title.
   */
  | {
      admitted: false;
      rejection: Rejection;
      why: string;
      hint: string;
      identified?: true;
      limit?: LimitName;
      limitEntry?: string;
    };

export type AccessRequest = { callingAeTitle: string; calledAeTitle: string; userIdentity?: UserIdentity };

export type AccessPolicy = {
  admit(request: AccessRequest, caller: Caller): Admission;
};

/** Milliseconds, bytes, and bytes a second. */
export type AssociationLimits = {
  maxPduLength: number;
  presentationContexts: number;
  associateRequestBytes: number;
  instanceBytes: number;
  associationBytes: number;
  artimMs: number;
  idleMs: number;
  /** Slowest average, over `idleMs`, at which a message that has begun may come; 0 is no limit. */
  minimumRate: number;
  /** Requests of one association that may be unanswered at a time (PS3.7 D.3.3.3), as offered to the peer. */
  operationsWindow: number;
};
