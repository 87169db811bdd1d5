/** The PDUs of the DICOM Upper Layer (PS3.8 section 9.3) as values. */

export const pduType = {
  associateRq: 0x01,
  associateAc: 0x02,
  associateRj: 0x03,
  pDataTf: 0x04,
  releaseRq: 0x05,
  releaseRp: 0x06,
  abort: 0x07,
} as const;

/** Context IDs are the odd numbers from 1 to 255 (PS3.8 7.1.1.13): more contexts than that there cannot be. */
export const maxContexts = 128;

export type ProposedContext = { id: number; abstractSyntax: string; transferSyntaxes: string[] };
/** PS3.8 table 9-18. Meaningful transfer syntax only with result `acceptance`. */
export type ContextResult = { id: number; result: number; transferSyntax: string };

export const contextResult = {
  acceptance: 0,
  userRejection: 1,
  noReason: 2,
  abstractSyntaxNotSupported: 3,
  transferSyntaxesNotSupported: 4,
} as const;

/** 54H (PS3.7 D.3.3.4). In a request: the roles that the requestor proposes for itself; in an answer: those it is granted. */
export type RoleSelection = { sopClassUid: string; scu: boolean; scp: boolean };

/** 53H (PS3.7 D.3.3.3): requests that may be unanswered at a time; invoked by the requestor, and performed by it. 0: any number. */
export type OperationsWindow = { invoked: number; performed: number };

/** 56H (PS3.7 D.3.3.5). What the bytes mean is the SOP class's own affair. */
export type ExtendedNegotiation = { sopClassUid: string; applicationInformation: Buffer };

/** 57H (PS3.7 D.3.3.6), in requests only: which service class a SOP class belongs to, and what more general class it is a kind of. */
export type CommonExtendedNegotiation = {
  version: number;
  sopClassUid: string;
  serviceClassUid: string;
  relatedGeneralSopClassUids: string[];
};

/** 58H (PS3.7 D.3.3.7): what a requestor says of its user. Never logged. */
export type UserIdentity = {
  /** 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JSON Web Token. */
  type: number;
  positiveResponseRequested: boolean;
  /** User name, ticket, assertion or token. */
  primary: Buffer;
  /** The passcode of type 2; empty with every other. */
  secondary: Buffer;
};

export type UserInformation = {
  /** Largest P-DATA-TF variable field the sender of this PDU can receive; 0 is no limit (PS3.8 D.1). */
  maximumLength: number;
  implementationClassUid: string;
  implementationVersionName?: string;
  asynchronousOperationsWindow?: OperationsWindow;
  roleSelections: RoleSelection[];
  extendedNegotiations?: ExtendedNegotiation[];
};

export type RequestedUserInformation = UserInformation & {
  commonExtendedNegotiations?: CommonExtendedNegotiation[];
  userIdentity?: UserIdentity;
};

export type AcceptedUserInformation = UserInformation & {
  /** 59H: the user identity is accepted. Empty but for Kerberos and SAML. */
  userIdentityResponse?: Buffer;
};

export type AssociateRq = {
  type: 'associate-rq';
  protocolVersion: number;
  calledAeTitle: string;
  callingAeTitle: string;
  applicationContext: string;
  contexts: ProposedContext[];
  userInformation: RequestedUserInformation;
};

export type AssociateAc = {
  type: 'associate-ac';
  calledAeTitle: string;
  callingAeTitle: string;
  contexts: ContextResult[];
  userInformation: AcceptedUserInformation;
};

export type AssociateRj = { type: 'associate-rj'; result: number; source: number; reason: number };
export type Abort = { type: 'abort'; source: number; reason: number };
export type Pdu = AssociateRq | AssociateAc | AssociateRj | { type: 'release-rq' } | { type: 'release-rp' } | Abort;
