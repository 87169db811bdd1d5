/** The statuses that we answer (PS3.4 B.2.3 and J.3.2, PS3.7 annex C), with their meaning, for code and conformance statement. */

export type StatusEntry = {
  code: number;
  /** The standard's name. */
  meaning: string;
  services: readonly ('C-ECHO' | 'C-STORE' | 'any')[];
  /** When we answer so. */
  when: string;
};

export const statuses = {
  success: {
    code: 0x0000,
    meaning: 'Success',
    services: ['C-ECHO', 'C-STORE'],
    when: 'C-STORE: the instance is durable on our disk, or was already, bit for bit.',
  },
  invalidSopInstance: {
    code: 0x0117,
    meaning: 'Invalid SOP Instance',
    services: ['C-STORE'],
    when: 'Affected SOP Instance UID is not a UID of at most 64 characters.',
  },
  sopClassNotSupported: {
    code: 0x0122,
    meaning: 'Refused: SOP Class Not Supported',
    services: ['C-STORE'],
    when: "Affected SOP Class UID is not the abstract syntax of the message's presentation context.",
  },
  duplicateInvocation: {
    code: 0x0210,
    meaning: 'Duplicate Invocation',
    services: ['C-STORE'],
    when: 'The Message ID is that of a request which is not answered yet.',
  },
  unrecognizedOperation: {
    code: 0x0211,
    meaning: 'Unrecognized Operation',
    services: ['any'],
    when: "The SOP class of the message's presentation context does not have this operation, or we do not offer it.",
  },
  outOfResources: {
    code: 0xa700,
    meaning: 'Refused: Out of Resources',
    services: ['C-STORE'],
    when: 'Nothing can be stored now (spool full, disk full or failing), or the instance is larger than limits.instanceBytes; the Error Comment says which.',
  },
  cannotUnderstand: {
    code: 0xc000,
    meaning: 'Error: Cannot understand',
    services: ['C-STORE'],
    when: 'The request has no data set.',
  },
} as const satisfies Record<string, StatusEntry>;

/** The codes alone. */
export const status = Object.fromEntries(Object.entries(statuses).map(([name, { code }]) => [name, code])) as {
  readonly [Name in keyof typeof statuses]: (typeof statuses)[Name]['code'];
};

export const statusText = (code: number) => `${code.toString(16).toUpperCase().padStart(4, '0')}H`;
