/** The generated parts of the conformance statement, each from the table that the code itself goes by. */
import { failureReason } from '../src/dicom/dataSet/commitmentDataSets.ts';
import { statuses, statusText } from '../src/dicom/dimse/status.ts';
import { defaultTimeouts } from '../src/dicom/scu/requestor.ts';
import { rejection } from '../src/dicom/services/access.ts';
import { actionStatus } from '../src/dicom/services/commitmentAction.ts';
import { cipherSuites, groups, minRsaBits, signatureAlgorithms } from '../src/dicom/transport/tlsProfile.ts';
import {
  implementationClassUid,
  implementationVersionName,
  isStorageSopClass,
  standardStoragePrefixes,
  uid,
} from '../src/dicom/uids.ts';
import { abortReason } from '../src/dicom/upperLayer/pduError.ts';
import { actions, transitions } from '../src/dicom/upperLayer/stateMachine.ts';
import { type KnownKey, knownKeys } from '../src/gateway/config/jsonSchema.ts';
import { configurationSchema } from '../src/gateway/config/schema.ts';
import { markdownTable } from './markdownTable.ts';
import { storageSopClasses } from './storageSopClasses.ts';

const code = (text: string) => `\`${text}\``;
const seconds = (ms: number) => `${ms / 1000} s`;
/** What holds when the configuration says nothing. */
const defaults = configurationSchema.parse({ site: 'any' });

const implementation = markdownTable(
  ['item', 'value'],
  [
    ['Application Context Name', code(uid.applicationContext)],
    ['Implementation Class UID', code(implementationClassUid)],
    ['Implementation Version Name', code(implementationVersionName)],
    ['AE title, unless configured otherwise', code(defaults.aeTitle)],
  ],
);

const storage = () => {
  const notAccepted = storageSopClasses.filter((one) => !isStorageSopClass(one.uid));
  if (notAccepted.length > 0) throw new Error(`not accepted: ${notAccepted.map((one) => one.name).join(', ')}`);
  const rule = standardStoragePrefixes.map((prefix) => code(prefix.endsWith('.') ? `${prefix}*` : prefix)).join(', ');
  const rows = storageSopClasses.map(({ uid: sopClass, name, retired }) => [
    `${name}${retired ? ' (retired)' : ''}`,
    code(sopClass),
  ]);
  return `The rule: ${rule}, without the query and management classes among them; and every UID that does not begin with ${code('1.2.840.10008.')}. By name, ${rows.length} SOP classes of the standard:\n\n${markdownTable(['SOP class', 'UID'], rows)}`;
};

/** Said of a code that is in a table and never sent. */
const unused = 'not used at present';

const rejectionCauses: Record<keyof typeof rejection, string> = {
  noReason: unused,
  applicationContextNotSupported: 'the application context is not that of DICOM',
  callingAeTitleNotRecognized:
    'the calling AE title is not among the peers, or the call comes from another address or with another certificate than the peer may use',
  calledAeTitleNotRecognized: 'the called AE title is none by which this peer may call',
  protocolVersionNotSupported: 'bit 0 of the protocol version is not set',
  notAuthorized: 'the user identity that the peer has to give is missing or wrong',
  temporaryCongestion: 'nothing can be stored at present (spool full, disk full or failing)',
  localLimitExceeded:
    'too many associations, in all or of this peer, or more presentation contexts than `limits.presentationContexts`',
};
const resultName = { 1: 'rejected-permanent', 2: 'rejected-transient' } as const;
const sourceName = { 1: 'service-user', 2: 'service-provider (ACSE)', 3: 'service-provider (presentation)' } as const;

const rejections = markdownTable(
  ['result', 'source', 'reason', 'when'],
  Object.entries(rejection).map(([name, { result, source, reason }]) => [
    `${result} ${resultName[result]}`,
    `${source} ${sourceName[source]}`,
    String(reason),
    rejectionCauses[name as keyof typeof rejection],
  ]),
);

const abortCauses: Record<keyof typeof abortReason, string> = {
  notSpecified: 'a message without sense (a command set that cannot be read, an unexpected response), or a fault here',
  unrecognizedPdu: 'a PDU type that there is not',
  unexpectedPdu: 'a PDU that has no place in the present state (PS3.8 table 9-10)',
  unrecognizedParameter: unused,
  unexpectedParameter: unused,
  invalidParameterValue:
    'a length, item or value that contradicts itself: an even or repeated presentation context ID, data on a context that was not accepted, a PDU longer than was announced',
};
const aborts = markdownTable(
  ['source', 'reason', 'when'],
  [
    [
      '0 service-user',
      '0',
      'a limit was reached (silence, slowness, bytes on an association, size of an instance), the gateway stops, or the first PDU is no valid A-ASSOCIATE-RQ (AA-1 of PS3.8 table 9-7), such as one of more than 128 presentation contexts',
    ],
    ...Object.entries(abortReason).map(([name, reason]) => [
      '2 service-provider',
      String(reason),
      abortCauses[name as keyof typeof abortReason],
    ]),
  ],
);

/** What a C-ECHO is answered needs no table. */
const storageStatuses = markdownTable(
  ['status', 'meaning', 'when'],
  Object.values(statuses).map(({ code: number, meaning, when }) => [statusText(number), meaning, when]),
);

const actionCauses: Record<keyof typeof actionStatus, string> = {
  success: 'the request is durable here; the report will follow',
  processingFailure: 'the request could not be made durable',
  noSuchSopInstance: 'Requested SOP Instance UID is not the well-known instance',
  invalidArgumentValue: 'no Action Information, or one that cannot be read',
  invalidSopInstance: 'Requested SOP Instance UID is not a UID',
  noSuchSopClass: "Requested SOP Class UID is not the presentation context's",
  noSuchAction: 'Action Type ID is not 1',
  notAuthorized: 'storage commitment is not configured for this peer',
  duplicateTransactionUid: 'the Transaction UID is that of a pending request with other content',
  resourceLimitation:
    'too many instances or bytes in the request, or too many requests pending; the Error Comment says which',
};
const actionStatuses = markdownTable(
  ['status', 'when'],
  Object.entries(actionStatus).map(([name, number]) => [
    statusText(number),
    actionCauses[name as keyof typeof actionStatus],
  ]),
);

const failureCauses: Record<keyof typeof failureReason, string> = {
  processingFailure: 'known here, but not safe as promised: damaged, or not delivered in time where that was promised',
  noSuchObjectInstance: 'never received from anybody',
  classInstanceConflict: 'received under another SOP Class UID',
  sopClassNotSupported: 'never received, and of a SOP class that this peer may not send',
  duplicateTransactionUid: unused,
  resourceLimitation: unused,
};
const failureReasons = markdownTable(
  ['Failure Reason (0008,1197)', 'when'],
  Object.entries(failureReason).map(([name, number]) => [
    statusText(number),
    failureCauses[name as keyof typeof failureReason],
  ]),
);

const timers = markdownTable(
  ['timer', 'default', 'key'],
  [
    ['ARTIM (PS3.8 9.1.5)', seconds(defaults.limits.artimTimeout), code('limits.artimTimeout')],
    ['no PDU came whole on an association', seconds(defaults.limits.idleTimeout), code('limits.idleTimeout')],
    ['as SCU: TCP connection and TLS handshake', seconds(defaultTimeouts.connectMs), 'fixed'],
    ['as SCU: answer to A-ASSOCIATE-RQ and A-RELEASE-RQ', seconds(defaultTimeouts.associateMs), 'fixed'],
    ['as SCU: DIMSE response', seconds(defaultTimeouts.responseMs), 'fixed'],
  ],
);

const cells = Object.values(transitions).reduce((sum, line) => sum + Object.keys(line).length, 0);
const stateMachine = `The protocol machine is PS3.8 table 9-10 with its ${Object.keys(transitions).length} events, ${Object.keys(actions).filter((name) => name !== 'AR-8 acceptor').length} actions and ${cells} cells, for requestor and acceptor, release collisions included.`;

const tlsSuites = [
  markdownTable(
    ['version', 'cipher suite', 'our certificate'],
    cipherSuites.map(({ version, name, authentication }) => [
      version.replace('v', ' '),
      name,
      authentication === 'any' ? 'RSA, ECDSA or Ed25519' : authentication,
    ]),
  ),
  `Key exchange groups: ${groups.join(', ')}. Signatures: ${signatureAlgorithms.join(', ')}. RSA keys have at least ${minRsaBits} bits.`,
].join('\n\n');

const shown = (value: unknown) =>
  value === undefined || (typeof value === 'object' && value !== null) ? '' : code(String(value));
const keyRows = (wanted: (key: KnownKey) => boolean) =>
  knownKeys()
    .filter((key) => key.leaf && wanted(key))
    .map(({ key, description, default: value }) => [code(key), shown(value), description]);
const sections = ['listeners[].', 'peers[].', 'limits.', 'storageCommitment.'];
const parameters = markdownTable(
  ['parameter', 'default', 'meaning'],
  keyRows(({ key }) => key === 'aeTitle' || sections.some((section) => key.startsWith(section))),
);

export const conformanceBlocks = (): Record<string, string> => ({
  implementation,
  'storage-sop-classes': storage(),
  rejections,
  aborts,
  'status-storage': storageStatuses,
  'status-action': actionStatuses,
  'failure-reasons': failureReasons,
  timers,
  'state-machine': stateMachine,
  'tls-suites': tlsSuites,
  parameters,
});

const causes = {
  rejection: rejectionCauses,
  abortReason: abortCauses,
  actionStatus: actionCauses,
  failureReason: failureCauses,
};

/** Each code of these tables by its name in the sources, and whether the statement says that it is not used: for a test. */
export const unusedCodes = (): Array<{ table: string; name: string; isUnused: boolean }> =>
  Object.entries(causes).flatMap(([table, entries]) =>
    Object.entries(entries).map(([name, cause]) => ({ table, name, isUnused: cause === unused })),
  );
