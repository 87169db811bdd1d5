/**
 * The PDUs of the DICOM Upper Layer (PS3.8 section 9.3), as values and as bytes. Pure: no sockets, no state.
 * P-DATA-TF is not decoded here but framed by pduReader.ts, which hands its payload on while it arrives.
 */
import { PduError } from './pduError.ts';

export const pduType = {
  associateRq: 0x01,
  associateAc: 0x02,
  associateRj: 0x03,
  pDataTf: 0x04,
  releaseRq: 0x05,
  releaseRp: 0x06,
  abort: 0x07,
} as const;

const itemType = {
  applicationContext: 0x10,
  presentationContextRq: 0x20,
  presentationContextAc: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperationsWindow: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
} as const;

export type ProposedContext = { id: number; abstractSyntax: string; transferSyntaxes: string[] };
/** PS3.8 table 9-18. Meaningful transfer syntax only with result `acceptance`. */
export type ContextResult = { id: number; result: number; transferSyntax: string };
export type RoleSelection = { sopClassUid: string; scu: boolean; scp: boolean };

export type UserInformation = {
  /** Largest P-DATA-TF variable field the sender of this PDU can receive; 0 is no limit (PS3.8 D.1). */
  maximumLength: number;
  implementationClassUid: string;
  implementationVersionName?: string;
  asynchronousOperationsWindow?: { invoked: number; performed: number };
  roleSelections: RoleSelection[];
};

export type AssociateRq = {
  type: 'associate-rq';
  protocolVersion: number;
  calledAeTitle: string;
  callingAeTitle: string;
  applicationContext: string;
  contexts: ProposedContext[];
  userInformation: UserInformation;
};

export type AssociateAc = {
  type: 'associate-ac';
  calledAeTitle: string;
  callingAeTitle: string;
  contexts: ContextResult[];
  userInformation: UserInformation;
};

export type AssociateRj = { type: 'associate-rj'; result: number; source: number; reason: number };
export type Abort = { type: 'abort'; source: number; reason: number };
export type Pdu = AssociateRq | AssociateAc | AssociateRj | { type: 'release-rq' } | { type: 'release-rp' } | Abort;

export const contextResult = {
  acceptance: 0,
  userRejection: 1,
  noReason: 2,
  abstractSyntaxNotSupported: 3,
  transferSyntaxesNotSupported: 4,
} as const;

function item(type: number, body: Uint8Array): Buffer {
  const header = Buffer.from([type, 0, 0, 0]);
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

const textItem = (type: number, text: string) => item(type, Buffer.from(text, 'latin1'));

function pdu(type: number, body: Uint8Array): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

const aeTitleField = (title: string) => Buffer.from(title.padEnd(16).slice(0, 16), 'latin1');

function encodeUserInformation(info: UserInformation): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(info.maximumLength);
  const items = [
    item(itemType.maximumLength, length),
    textItem(itemType.implementationClassUid, info.implementationClassUid),
  ];
  const window = info.asynchronousOperationsWindow;
  if (window) {
    const body = Buffer.alloc(4);
    body.writeUInt16BE(window.invoked, 0);
    body.writeUInt16BE(window.performed, 2);
    items.push(item(itemType.asynchronousOperationsWindow, body));
  }
  for (const role of info.roleSelections) {
    const name = Buffer.from(role.sopClassUid, 'latin1');
    const body = Buffer.alloc(name.length + 4);
    body.writeUInt16BE(name.length, 0);
    name.copy(body, 2);
    body[name.length + 2] = role.scu ? 1 : 0;
    body[name.length + 3] = role.scp ? 1 : 0;
    items.push(item(itemType.roleSelection, body));
  }
  if (info.implementationVersionName !== undefined) {
    items.push(textItem(itemType.implementationVersionName, info.implementationVersionName.slice(0, 16)));
  }
  return item(itemType.userInformation, Buffer.concat(items));
}

function associateHeader(called: string, calling: string, version = 1): Buffer {
  const fixed = Buffer.alloc(68);
  fixed.writeUInt16BE(version, 0);
  aeTitleField(called).copy(fixed, 4);
  aeTitleField(calling).copy(fixed, 20);
  return fixed;
}

/** Bytes of a PDU, header included. Source: PS3.8 9.3.2 to 9.3.8. */
export function encodePdu(value: Pdu): Buffer {
  switch (value.type) {
    case 'associate-rq': {
      const contexts = value.contexts.map((context) =>
        item(
          itemType.presentationContextRq,
          Buffer.concat([
            Buffer.from([context.id, 0, 0, 0]),
            textItem(itemType.abstractSyntax, context.abstractSyntax),
            ...context.transferSyntaxes.map((syntax) => textItem(itemType.transferSyntax, syntax)),
          ]),
        ),
      );
      return pdu(
        pduType.associateRq,
        Buffer.concat([
          associateHeader(value.calledAeTitle, value.callingAeTitle, value.protocolVersion),
          textItem(itemType.applicationContext, value.applicationContext),
          ...contexts,
          encodeUserInformation(value.userInformation),
        ]),
      );
    }
    case 'associate-ac': {
      const contexts = value.contexts.map((context) =>
        item(
          itemType.presentationContextAc,
          Buffer.concat([
            Buffer.from([context.id, 0, context.result, 0]),
            textItem(itemType.transferSyntax, context.transferSyntax),
          ]),
        ),
      );
      return pdu(
        pduType.associateAc,
        Buffer.concat([
          associateHeader(value.calledAeTitle, value.callingAeTitle),
          textItem(itemType.applicationContext, '1.2.840.10008.3.1.1.1'),
          ...contexts,
          encodeUserInformation(value.userInformation),
        ]),
      );
    }
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

type Item = { type: number; body: Buffer };

/** Splits `bytes` into items; a length that points outside is a `PduError`, never a short read. */
function* readItems(bytes: Buffer, where: string): Generator<Item> {
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length)
      throw new PduError(`${where}: ${bytes.length - offset} stray bytes after the last item`, 6);
    const length = bytes.readUInt16BE(offset + 2);
    if (offset + 4 + length > bytes.length) {
      throw new PduError(
        `${where}: item ${hex(bytes.readUInt8(offset))} declares ${length} bytes, more than are there`,
        6,
      );
    }
    yield { type: bytes.readUInt8(offset), body: bytes.subarray(offset + 4, offset + 4 + length) };
    offset += 4 + length;
  }
}

const hex = (byte: number) => `${byte.toString(16).padStart(2, '0').toUpperCase()}H`;
/** UIDs here are not padded by the standard, but many senders pad them as in a data set. */
const uidText = (body: Buffer) => body.toString('latin1').replace(/[\0 ]+$/, '');
/** Only spaces around an AE title are not significant (PS3.5 6.2); some pad with NUL. Everything else is part of the name. */
const titleText = (field: Buffer) => field.toString('latin1').replace(/^ +|[\0 ]+$/g, '');

function decodeUserInformation(body: Buffer): UserInformation {
  const info: UserInformation = { maximumLength: 0, implementationClassUid: '', roleSelections: [] };
  for (const sub of readItems(body, 'user information')) {
    switch (sub.type) {
      case itemType.maximumLength:
        if (sub.body.length !== 4) throw new PduError('maximum length item is not 4 bytes', 6);
        info.maximumLength = sub.body.readUInt32BE(0);
        break;
      case itemType.implementationClassUid:
        info.implementationClassUid = uidText(sub.body);
        break;
      case itemType.implementationVersionName:
        info.implementationVersionName = sub.body.toString('latin1').trim();
        break;
      case itemType.asynchronousOperationsWindow:
        if (sub.body.length !== 4) throw new PduError('asynchronous operations window item is not 4 bytes', 6);
        info.asynchronousOperationsWindow = { invoked: sub.body.readUInt16BE(0), performed: sub.body.readUInt16BE(2) };
        break;
      case itemType.roleSelection: {
        const length = sub.body.length >= 2 ? sub.body.readUInt16BE(0) : -1;
        if (length < 0 || sub.body.length !== length + 4)
          throw new PduError('role selection item with a wrong length', 6);
        const roles = { scu: sub.body[length + 2] === 1, scp: sub.body[length + 3] === 1 };
        info.roleSelections.push({ sopClassUid: uidText(sub.body.subarray(2, 2 + length)), ...roles });
        break;
      }
      default: // PS3.8 9.3.1: unrecognised items are ignored
    }
  }
  return info;
}

function decodeProposedContext(body: Buffer): ProposedContext {
  const id = body[0];
  if (id === undefined || body.length < 4) throw new PduError('presentation context item shorter than 4 bytes', 6);
  let abstractSyntax = '';
  const transferSyntaxes: string[] = [];
  for (const sub of readItems(body.subarray(4), `presentation context ${id}`)) {
    if (sub.type === itemType.abstractSyntax) abstractSyntax = uidText(sub.body);
    else if (sub.type === itemType.transferSyntax) transferSyntaxes.push(uidText(sub.body));
  }
  return { id, abstractSyntax, transferSyntaxes };
}

function decodeContextResult(body: Buffer): ContextResult {
  const [id, , result] = body;
  if (id === undefined || result === undefined || body.length < 4) {
    throw new PduError('presentation context item shorter than 4 bytes', 6);
  }
  let transferSyntax = '';
  for (const sub of readItems(body.subarray(4), `presentation context ${id}`)) {
    if (sub.type === itemType.transferSyntax) transferSyntax = uidText(sub.body);
  }
  return { id, result, transferSyntax };
}

function decodeAssociate(type: number, body: Buffer): AssociateRq | AssociateAc {
  if (body.length < 68) throw new PduError(`A-ASSOCIATE PDU of ${body.length} bytes, 68 are fixed`, 6);
  const proposed: ProposedContext[] = [];
  const results: ContextResult[] = [];
  let applicationContext = '';
  let userInformation: UserInformation | undefined;
  for (const entry of readItems(body.subarray(68), 'A-ASSOCIATE')) {
    if (entry.type === itemType.applicationContext) applicationContext = uidText(entry.body);
    else if (entry.type === itemType.presentationContextRq) proposed.push(decodeProposedContext(entry.body));
    else if (entry.type === itemType.presentationContextAc) results.push(decodeContextResult(entry.body));
    else if (entry.type === itemType.userInformation) userInformation = decodeUserInformation(entry.body);
  }
  const shared = {
    calledAeTitle: titleText(body.subarray(4, 20)),
    callingAeTitle: titleText(body.subarray(20, 36)),
    userInformation: userInformation ?? { maximumLength: 0, implementationClassUid: '', roleSelections: [] },
  };
  if (type === pduType.associateAc) return { type: 'associate-ac', ...shared, contexts: results };
  return {
    type: 'associate-rq',
    ...shared,
    protocolVersion: body.readUInt16BE(0),
    applicationContext,
    contexts: proposed,
  };
}

/**
 * A PDU from its type and body (the bytes after the 6-byte header). Throws `PduError`, whose `reason` is the one that
 * A-ABORT shall carry, for everything that is not well-formed.
 */
export function decodePdu(type: number, body: Buffer): Pdu {
  switch (type) {
    case pduType.associateRq:
    case pduType.associateAc:
      return decodeAssociate(type, body);
    case pduType.associateRj:
      if (body.length !== 4) throw new PduError(`A-ASSOCIATE-RJ of ${body.length} bytes`, 6);
      return { type: 'associate-rj', result: body.readUInt8(1), source: body.readUInt8(2), reason: body.readUInt8(3) };
    case pduType.releaseRq:
      return { type: 'release-rq' };
    case pduType.releaseRp:
      return { type: 'release-rp' };
    case pduType.abort:
      if (body.length !== 4) throw new PduError(`A-ABORT of ${body.length} bytes`, 6);
      return { type: 'abort', source: body.readUInt8(2), reason: body.readUInt8(3) };
    default:
      throw new PduError(`unrecognised PDU type ${hex(type)}`, 1);
  }
}
