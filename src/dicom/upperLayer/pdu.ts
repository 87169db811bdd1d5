/**
 * The PDUs of the DICOM Upper Layer (PS3.8 section 9.3) as bytes. Pure: no sockets, no state.
 * P-DATA-TF is not decoded here but framed by pduReader.ts, which hands its payload on while it arrives.
 */
import { uid } from '../uids.ts';
import { hexByte, item, malformed, readItems, textItem, uidText } from './items.ts';
import { abortReason, PduError } from './pduError.ts';
import {
  type AcceptedUserInformation,
  type AssociateAc,
  type AssociateRq,
  type ContextResult,
  maxContexts,
  type Pdu,
  type ProposedContext,
  pduType,
  type RequestedUserInformation,
} from './pduTypes.ts';
import {
  decodeAcceptedUserInformation,
  decodeRequestedUserInformation,
  encodeUserInformation,
  noUserInformation,
  userInformationItem,
} from './userInformation.ts';

export * from './pduTypes.ts';

const itemType = {
  applicationContext: 0x10,
  presentationContextRq: 0x20,
  presentationContextAc: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
} as const;

/** Bytes of A-ASSOCIATE-RQ and -AC before their items. */
const associateHeaderLength = 68;

function pdu(type: number, body: Uint8Array): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

const aeTitleField = (title: string) => Buffer.from(title.padEnd(16).slice(0, 16), 'latin1');

function associateHeader(called: string, calling: string, version = 1): Buffer {
  const fixed = Buffer.alloc(associateHeaderLength);
  fixed.writeUInt16BE(version, 0);
  aeTitleField(called).copy(fixed, 4);
  aeTitleField(calling).copy(fixed, 20);
  return fixed;
}

function encodeRequest(rq: AssociateRq): Buffer {
  const contexts = rq.contexts.map(({ id, abstractSyntax, transferSyntaxes }) => {
    const syntaxes = transferSyntaxes.map((syntax) => textItem(itemType.transferSyntax, syntax));
    const body = [Buffer.from([id, 0, 0, 0]), textItem(itemType.abstractSyntax, abstractSyntax), ...syntaxes];
    return item(itemType.presentationContextRq, Buffer.concat(body));
  });
  const header = associateHeader(rq.calledAeTitle, rq.callingAeTitle, rq.protocolVersion);
  const applicationContext = textItem(itemType.applicationContext, rq.applicationContext);
  const body = [header, applicationContext, ...contexts, encodeUserInformation(rq.userInformation)];
  return pdu(pduType.associateRq, Buffer.concat(body));
}

function encodeAnswer(ac: AssociateAc): Buffer {
  const contexts = ac.contexts.map(({ id, result, transferSyntax }) => {
    const body = [Buffer.from([id, 0, result, 0]), textItem(itemType.transferSyntax, transferSyntax)];
    return item(itemType.presentationContextAc, Buffer.concat(body));
  });
  const header = associateHeader(ac.calledAeTitle, ac.callingAeTitle);
  const applicationContext = textItem(itemType.applicationContext, uid.applicationContext);
  const body = [header, applicationContext, ...contexts, encodeUserInformation(ac.userInformation)];
  return pdu(pduType.associateAc, Buffer.concat(body));
}

/** Bytes of a PDU, header included. Source: PS3.8 9.3.2 to 9.3.8. */
export function encodePdu(value: Pdu): Buffer {
  switch (value.type) {
    case 'associate-rq':
      return encodeRequest(value);
    case 'associate-ac':
      return encodeAnswer(value);
    case 'associate-rj':
      return pdu(pduType.associateRj, Buffer.from([0, value.result, value.source, value.reason]));
    case 'release-rq':
      return pdu(pduType.releaseRq, Buffer.alloc(4));
    case 'release-rp':
      return pdu(pduType.releaseRp, Buffer.alloc(4));
    case 'abort':
      return pdu(pduType.abort, Buffer.from([0, 0, value.source, value.reason]));
  }
}

/** Only spaces around an AE title are not significant (PS3.5 6.2); some pad with NUL. Everything else is part of the name. */
const titleText = (field: Buffer) => field.toString('latin1').replace(/^ +|[\0 ]+$/g, '');

function decodeProposedContext(body: Buffer): ProposedContext {
  const id = body[0];
  if (id === undefined || body.length < 4) throw malformed('presentation context item shorter than 4 bytes');
  let abstractSyntax = '';
  const transferSyntaxes: string[] = [];
  for (const sub of readItems(body.subarray(4), `presentation context ${id}`)) {
    if (sub.type === itemType.abstractSyntax) abstractSyntax = uidText(sub.body);
    else if (sub.type === itemType.transferSyntax) transferSyntaxes.push(uidText(sub.body));
  }
  return { id, abstractSyntax, transferSyntaxes };
}

/** Retrying does not help whoever sends more than there are IDs, so it is no limit of ours but an invalid PDU. */
function checkNumber({ length }: readonly ProposedContext[]): void {
  if (length > maxContexts)
    throw malformed(`more than ${maxContexts} presentation contexts, which is all that have an ID`);
}

function decodeContextResult(body: Buffer): ContextResult {
  const [id, , result] = body;
  if (id === undefined || result === undefined || body.length < 4) {
    throw malformed('presentation context item shorter than 4 bytes');
  }
  let transferSyntax = '';
  for (const sub of readItems(body.subarray(4), `presentation context ${id}`)) {
    if (sub.type === itemType.transferSyntax) transferSyntax = uidText(sub.body);
  }
  return { id, result, transferSyntax };
}

function titlesOf(body: Buffer): { calledAeTitle: string; callingAeTitle: string } {
  if (body.length < associateHeaderLength) {
    throw malformed(`A-ASSOCIATE PDU of ${body.length} bytes, ${associateHeaderLength} are fixed`);
  }
  return { calledAeTitle: titleText(body.subarray(4, 20)), callingAeTitle: titleText(body.subarray(20, 36)) };
}

function decodeRequest(body: Buffer): AssociateRq {
  const titles = titlesOf(body);
  const contexts: ProposedContext[] = [];
  let applicationContext = '';
  let userInformation: RequestedUserInformation = noUserInformation();
  for (const entry of readItems(body.subarray(associateHeaderLength), 'A-ASSOCIATE-RQ')) {
    if (entry.type === itemType.applicationContext) applicationContext = uidText(entry.body);
    else if (entry.type === itemType.presentationContextRq) contexts.push(decodeProposedContext(entry.body));
    else if (entry.type === userInformationItem) userInformation = decodeRequestedUserInformation(entry.body);
  }
  checkNumber(contexts);
  const protocolVersion = body.readUInt16BE(0);
  return { type: 'associate-rq', protocolVersion, ...titles, applicationContext, contexts, userInformation };
}

function decodeAnswer(body: Buffer): AssociateAc {
  const titles = titlesOf(body);
  const contexts: ContextResult[] = [];
  let userInformation: AcceptedUserInformation = noUserInformation();
  for (const entry of readItems(body.subarray(associateHeaderLength), 'A-ASSOCIATE-AC')) {
    if (entry.type === itemType.presentationContextAc) contexts.push(decodeContextResult(entry.body));
    else if (entry.type === userInformationItem) userInformation = decodeAcceptedUserInformation(entry.body);
  }
  return { type: 'associate-ac', ...titles, contexts, userInformation };
}

/**
 * A PDU from its type and body (the bytes after the 6-byte header). Throws `PduError`, whose `reason` is the one that
 * A-ABORT shall carry, for everything that is not well-formed.
 */
export function decodePdu(type: number, body: Buffer): Pdu {
  switch (type) {
    case pduType.associateRq:
      return decodeRequest(body);
    case pduType.associateAc:
      return decodeAnswer(body);
    case pduType.associateRj:
      if (body.length !== 4) throw malformed(`A-ASSOCIATE-RJ of ${body.length} bytes`);
      return { type: 'associate-rj', result: body.readUInt8(1), source: body.readUInt8(2), reason: body.readUInt8(3) };
    case pduType.releaseRq:
      return { type: 'release-rq' };
    case pduType.releaseRp:
      return { type: 'release-rp' };
    case pduType.abort:
      if (body.length !== 4) throw malformed(`A-ABORT of ${body.length} bytes`);
      return { type: 'abort', source: body.readUInt8(2), reason: body.readUInt8(3) };
    default:
      throw new PduError(`unrecognised PDU type ${hexByte(type)}`, abortReason.unrecognizedPdu);
  }
}
