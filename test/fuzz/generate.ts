/** PDUs, messages and data sets that make sense, put together at random: the structure that mutation starts from. */
import { encodeCommitmentReport, encodeCommitmentRequest } from '../../src/dicom/dataSet/commitmentDataSets.ts';
import { commandField, encodeCommandSet } from '../../src/dicom/dimse/commandSet.ts';
import { uid } from '../../src/dicom/uids.ts';
import { encodePdu, type Pdu, type ProposedContext } from '../../src/dicom/upperLayer/pdu.ts';
import { closedSequence, type Encoding, element, openSequence, secondaryCapture } from '../support/dataSets.ts';
import { lengthFields, replaceInside } from './pduStructure.ts';
import type { Random } from './random.ts';

export const encodings: Encoding[] = ['implicit', 'explicit', 'big-endian'];

const storageCommitment = uid.storageCommitmentPushModel;
const abstractSyntaxes = [
  ...[uid.verification, secondaryCapture, '1.2.840.10008.5.1.4.1.1.2', storageCommitment, '1.3.6.1.4.1.5962.99'],
  ...['1.2.840.10008.5.1.4.1.2.2.1', '', '../../x', '1.2.840.10008.1.1\0'],
];
const transferSyntaxes = [
  ...[uid.implicitVrLittleEndian, uid.explicitVrLittleEndian, uid.explicitVrBigEndian],
  ...[uid.deflatedExplicitVrLittleEndian, '1.2.840.10008.1.2.4.90', '', '../x', '1.2.840.113619.5.2'],
];

/** What a peer may put into the user information beside what this implementation reads. */
function furtherItem(random: Random): Buffer {
  const text = (length: number) => Buffer.from('X'.repeat(length));
  const counted = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
  const bodies: Array<[type: number, body: Buffer]> = [
    [
      0x58,
      Buffer.concat([
        Buffer.from([random.below(7), random.below(2)]),
        counted(text(random.below(20))),
        counted(text(random.below(9))),
      ]),
    ],
    [0x59, counted(text(random.below(9)))],
    [0x56, Buffer.concat([counted(Buffer.from(secondaryCapture)), random.bytes(random.below(6))])],
    [
      0x57,
      Buffer.concat([
        counted(Buffer.from(secondaryCapture)),
        counted(Buffer.from('1.2.840.10008.4.2')),
        counted(Buffer.alloc(0)),
      ]),
    ],
    [0x53, Buffer.from([0, random.below(9), 0, random.below(9)])],
    [0x54, Buffer.concat([counted(Buffer.from(storageCommitment)), Buffer.from([random.below(3), random.below(3)])])],
    [random.below(256), random.bytes(random.below(12))],
  ];
  const [type, body] = random.pick(bodies);
  return Buffer.concat([Buffer.from([type, 0]), counted(body)]);
}

/** The contexts that the other generators use: 1 is Verification, 3 Storage, 5 Storage Commitment. */
function contexts(random: Random): ProposedContext[] {
  const usual: ProposedContext[] = [
    { id: 1, abstractSyntax: uid.verification, transferSyntaxes: [uid.implicitVrLittleEndian] },
    {
      id: 3,
      abstractSyntax: secondaryCapture,
      transferSyntaxes: [random.pick(transferSyntaxes), uid.explicitVrLittleEndian],
    },
    { id: 5, abstractSyntax: storageCommitment, transferSyntaxes: [uid.explicitVrLittleEndian] },
  ];
  if (!random.oneIn(3)) return usual;
  return Array.from({ length: random.below(7) }, (_, i) => ({
    id: random.oneIn(12) ? random.below(256) : i * 2 + 1,
    abstractSyntax: random.pick(abstractSyntaxes),
    transferSyntaxes: Array.from({ length: random.below(4) }, () => random.pick(transferSyntaxes)),
  }));
}

export function associateRq(random: Random): Buffer {
  const pdu = encodePdu({
    type: 'associate-rq',
    protocolVersion: random.oneIn(20) ? random.below(4) : 1,
    calledAeTitle: random.pick(['GATEWAY', 'GATEWAY', 'X\n', '']),
    callingAeTitle: random.pick(['FUZZ', 'FUZZ', '\x1b[31m\0', ' A ']),
    applicationContext: random.oneIn(20) ? '1.2' : uid.applicationContext,
    contexts: contexts(random),
    userInformation: {
      maximumLength: random.pick([0, 1, 8, 16, 128, 16384, 0xffffffff]),
      implementationClassUid: '1.2.3',
      roleSelections: random.oneIn(3)
        ? [{ sopClassUid: secondaryCapture, scu: random.oneIn(2), scp: random.oneIn(2) }]
        : [],
      ...(random.oneIn(3) ? { implementationVersionName: 'FUZZ_1' } : {}),
      ...(random.oneIn(3)
        ? { asynchronousOperationsWindow: { invoked: random.below(9), performed: random.below(9) } }
        : {}),
    },
  });
  if (!random.oneIn(2)) return pdu;
  const user = lengthFields(pdu).find((field) => pdu[field.at - 2] === 0x50 && field.width === 2);
  return user ? replaceInside(pdu, user.start, user.start, furtherItem(random)) : pdu;
}

export function smallPdu(random: Random): Buffer {
  const three = { result: random.below(4), source: random.below(4), reason: random.below(9) };
  const pdus: Pdu[] = [
    { type: 'release-rq' },
    { type: 'release-rp' },
    { type: 'abort', source: random.below(4), reason: random.below(9) },
    { type: 'associate-rj', ...three },
  ];
  return encodePdu(random.pick(pdus));
}

export function associateAc(random: Random): Buffer {
  return encodePdu({
    type: 'associate-ac',
    calledAeTitle: 'GATEWAY',
    callingAeTitle: 'FUZZ',
    contexts: contexts(random).map(({ id }) => ({
      id,
      result: random.below(5),
      transferSyntax: random.pick(transferSyntaxes),
    })),
    userInformation: { maximumLength: random.pick([0, 16384]), implementationClassUid: '1.2', roleSelections: [] },
  });
}

/** P-DATA-TF of one or more values; the payload is cut as the dice fall, zero bytes among it. */
export function pData(random: Random, contextId: number, payload: Buffer, command: boolean): Buffer {
  const values: Buffer[] = [];
  for (let at = 0, done = false; !done; ) {
    const piece = payload.subarray(at, at + (random.oneIn(3) ? random.below(40) : payload.length));
    at += piece.length;
    done = at >= payload.length;
    const head = Buffer.alloc(6);
    head.writeUInt32BE(piece.length + 2);
    head.set([contextId, (command ? 1 : 0) | (done ? 2 : 0)], 4);
    values.push(Buffer.concat([head, piece]));
  }
  const pdus: Buffer[] = [];
  while (values.length > 0) {
    const body = Buffer.concat(values.splice(0, random.between(1, 4)));
    const head = Buffer.from([4, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(body.length, 2);
    pdus.push(head, body);
  }
  return Buffer.concat(pdus);
}

export function command(random: Random, field: number, hasDataSet: boolean): Buffer {
  return encodeCommandSet({
    commandField: field,
    messageId: random.below(5),
    affectedSopClassUid: random.oneIn(12)
      ? random.pick(abstractSyntaxes)
      : field === commandField.cEchoRq
        ? uid.verification
        : secondaryCapture,
    affectedSopInstanceUid: random.oneIn(12) ? '../../etc/passwd' : `1.2.3.${random.below(4)}`,
    priority: 0,
    commandDataSetType: hasDataSet ? random.pick([0, 1, 0x102]) : 0x0101,
  });
}

export function message(random: Random): Buffer {
  const kind = random.below(10);
  if (kind < 2) return pData(random, 1, command(random, commandField.cEchoRq, false), true);
  if (kind === 2) {
    const field = random.oneIn(3) ? random.u32() & 0xffff : random.pick(Object.values(commandField));
    const hasDataSet = random.oneIn(2);
    const first = pData(random, random.pick([1, 3, 5]), command(random, field, hasDataSet), true);
    return hasDataSet ? Buffer.concat([first, pData(random, 3, random.bytes(random.below(30)), false)]) : first;
  }
  if (kind === 3) return commitment(random);
  const dataSet = random.oneIn(4)
    ? Buffer.alloc(random.below(300), 7)
    : wellFormedDataSet(random, random.pick(encodings)).bytes;
  return Buffer.concat([
    pData(random, 3, command(random, commandField.cStoreRq, true), true),
    pData(random, 3, dataSet, false),
  ]);
}

/** N-ACTION, or the answer to a report that was sent or was not. */
function commitment(random: Random): Buffer {
  const request = random.oneIn(4)
    ? {
        commandField: commandField.nEventReportRq | 0x8000,
        messageIdBeingRespondedTo: random.below(3),
        commandDataSetType: 0x0101,
        status: random.pick([0, 0x0110]),
      }
    : {
        commandField: commandField.nActionRq,
        messageId: random.below(5),
        requestedSopClassUid: storageCommitment,
        requestedSopInstanceUid: random.oneIn(9) ? '../x' : uid.storageCommitmentInstance,
        actionTypeId: random.oneIn(9) ? 2 : 1,
        commandDataSetType: 0,
      };
  const first = pData(random, 5, encodeCommandSet(request), true);
  if (request.commandDataSetType === 0x0101) return first;
  return Buffer.concat([first, pData(random, 5, commitmentRequest(random, uid.explicitVrLittleEndian), false)]);
}

const references = (random: Random) =>
  Array.from({ length: random.below(9) }, () => ({
    sopClassUid: random.oneIn(12) ? '../x' : secondaryCapture,
    sopInstanceUid: random.oneIn(12) ? secretPatient : `1.2.3.${random.below(9)}`,
  }));

export const commitmentRequest = (random: Random, transferSyntax: string): Buffer =>
  encodeCommitmentRequest({ transactionUid: `1.2.${random.below(9)}`, references: references(random) }, transferSyntax);

export function commitmentReport(random: Random, transferSyntax: string): Buffer {
  const failed = references(random).map((reference) => ({
    ...reference,
    failureReason: random.pick([0x0110, 0x0112]),
  }));
  const report = { transactionUid: `1.2.${random.below(9)}`, committed: references(random), failed };
  return encodeCommitmentReport(report, transferSyntax);
}

/** A patient ID that stands in every data set here: it must never be seen in a log. */
export const secretPatient = 'SECRETPATIENT';

export type KnownDataSet = {
  bytes: Buffer;
  identity: Record<
    'sopClassUid' | 'sopInstanceUid' | 'modality' | 'patientId' | 'studyInstanceUid' | 'seriesInstanceUid',
    string
  >;
};

/** Elements and nested sequences before, between and after the identifying ones, some of them decoys. */
export function wellFormedDataSet(random: Random, encoding: Encoding): KnownDataSet {
  const uidText = () => `1.2.${random.below(1000)}.${random.below(1000)}`;
  const identity = {
    sopClassUid: secondaryCapture,
    sopInstanceUid: uidText(),
    modality: random.pick(['OT', 'CT', '']),
    patientId: secretPatient,
    studyInstanceUid: uidText(),
    seriesInstanceUid: uidText(),
  };
  const maybe = (tag: number, depth: number) => (random.oneIn(2) ? [anyElement(random, encoding, tag, depth)] : []);
  const bytes = Buffer.concat([
    ...maybe(0x00080005, 0),
    element(encoding, 0x00080016, 'UI', identity.sopClassUid),
    element(encoding, 0x00080018, 'UI', identity.sopInstanceUid),
    ...maybe(0x00080050, 0),
    element(encoding, 0x00080060, 'CS', identity.modality),
    ...maybe(0x00081140, 4),
    ...maybe(0x00100010, 0),
    element(encoding, 0x00100020, 'LO', identity.patientId),
    ...maybe(0x00101002, 4),
    ...maybe(0x00111010, 3),
    element(encoding, 0x0020000d, 'UI', identity.studyInstanceUid),
    element(encoding, 0x0020000e, 'UI', identity.seriesInstanceUid),
    ...maybe(0x7fe00010, 0),
  ]);
  return { bytes, identity };
}

function anyElement(random: Random, encoding: Encoding, tag: number, depth: number): Buffer {
  if (depth > 0 && !random.oneIn(4)) {
    const inside = () =>
      Buffer.concat(
        Array.from({ length: random.below(3) }, () =>
          anyElement(random, encoding, random.pick([0x00080018, 0x0020000d, 0x00400275]), depth - 1),
        ),
      );
    const items = Array.from({ length: random.below(3) }, inside);
    return random.oneIn(2) ? openSequence(encoding, tag, items) : closedSequence(encoding, tag, items);
  }
  return element(encoding, tag, random.pick(['LO', 'OB', 'UN', 'UT', 'UI']), random.bytes(random.below(40)));
}

/** A whole conversation from the peer's side, or the beginning of one, or one in a wrong order. */
export function conversation(random: Random): Buffer[] {
  const parts: Buffer[] = random.oneIn(12) ? [] : [associateRq(random)];
  for (let left = random.below(5); left > 0; left--) {
    parts.push(random.oneIn(10) ? random.pick([smallPdu, associateRq, associateAc])(random) : message(random));
  }
  if (!random.oneIn(3)) parts.push(smallPdu(random));
  return parts;
}
