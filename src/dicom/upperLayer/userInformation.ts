/**
 * The user information item 50H of A-ASSOCIATE-RQ and -AC: PS3.8 annex D, PS3.7 annex D.3.3. Pure. Sub-items that are not
 * known, or have no place in this PDU, are ignored (PS3.8 9.3.1); one that is malformed is a `PduError`.
 */
import { FieldReader, field, item, malformed, readItems, textItem, uidText } from './items.ts';
import type {
  AcceptedUserInformation,
  CommonExtendedNegotiation,
  ExtendedNegotiation,
  OperationsWindow,
  RequestedUserInformation,
  RoleSelection,
  UserIdentity,
  UserInformation,
} from './pduTypes.ts';

export const userInformationItem = 0x50;

const subItem = {
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperationsWindow: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  extendedNegotiation: 0x56,
  commonExtendedNegotiation: 0x57,
  userIdentity: 0x58,
  userIdentityResponse: 0x59,
} as const;

const latin1 = (text: string) => Buffer.from(text, 'latin1');

function encodeMaximumLength(length: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(length);
  return item(subItem.maximumLength, body);
}

function encodeWindow({ invoked, performed }: OperationsWindow): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt16BE(invoked, 0);
  body.writeUInt16BE(performed, 2);
  return item(subItem.asynchronousOperationsWindow, body);
}

function encodeRole({ sopClassUid, scu, scp }: RoleSelection): Buffer {
  const roles = Buffer.from([scu ? 1 : 0, scp ? 1 : 0]);
  return item(subItem.roleSelection, Buffer.concat([field(latin1(sopClassUid)), roles]));
}

function encodeExtended({ sopClassUid, applicationInformation }: ExtendedNegotiation): Buffer {
  return item(subItem.extendedNegotiation, Buffer.concat([field(latin1(sopClassUid)), applicationInformation]));
}

/** The second byte, reserved in every other item, is the version of this one (PS3.7 table D.3-12). */
function encodeCommonExtended(negotiation: CommonExtendedNegotiation): Buffer {
  const related = negotiation.relatedGeneralSopClassUids.map((uid) => field(latin1(uid)));
  const fields = [field(latin1(negotiation.sopClassUid)), field(latin1(negotiation.serviceClassUid))];
  const encoded = item(subItem.commonExtendedNegotiation, Buffer.concat([...fields, field(Buffer.concat(related))]));
  encoded[1] = negotiation.version;
  return encoded;
}

function encodeUserIdentity({ type, positiveResponseRequested, primary, secondary }: UserIdentity): Buffer {
  const head = Buffer.from([type, positiveResponseRequested ? 1 : 0]);
  return item(subItem.userIdentity, Buffer.concat([head, field(primary), field(secondary)]));
}

/** The whole item, header included. */
export function encodeUserInformation(info: RequestedUserInformation & AcceptedUserInformation): Buffer {
  const items = [
    encodeMaximumLength(info.maximumLength),
    textItem(subItem.implementationClassUid, info.implementationClassUid),
  ];
  if (info.asynchronousOperationsWindow) items.push(encodeWindow(info.asynchronousOperationsWindow));
  items.push(...info.roleSelections.map(encodeRole));
  if (info.implementationVersionName !== undefined) {
    items.push(textItem(subItem.implementationVersionName, info.implementationVersionName));
  }
  items.push(...(info.extendedNegotiations ?? []).map(encodeExtended));
  items.push(...(info.commonExtendedNegotiations ?? []).map(encodeCommonExtended));
  if (info.userIdentity) items.push(encodeUserIdentity(info.userIdentity));
  if (info.userIdentityResponse) items.push(item(subItem.userIdentityResponse, field(info.userIdentityResponse)));
  return item(userInformationItem, Buffer.concat(items));
}

function decodeRole(body: Buffer): RoleSelection {
  const fields = new FieldReader(body, 'role selection');
  const sopClassUid = uidText(fields.field());
  const roles = { scu: fields.byte() === 1, scp: fields.byte() === 1 };
  fields.end();
  return { sopClassUid, ...roles };
}

function decodeExtended(body: Buffer): ExtendedNegotiation {
  const fields = new FieldReader(body, 'SOP class extended negotiation');
  return { sopClassUid: uidText(fields.field()), applicationInformation: Buffer.from(fields.rest()) };
}

function decodeCommonExtended(version: number, body: Buffer): CommonExtendedNegotiation {
  const where = 'SOP class common extended negotiation';
  const fields = new FieldReader(body, where);
  const sopClassUid = uidText(fields.field());
  const serviceClassUid = uidText(fields.field());
  const relatedGeneralSopClassUids: string[] = [];
  const related = new FieldReader(fields.field(), where);
  while (related.left > 0) relatedGeneralSopClassUids.push(uidText(related.field()));
  // Later versions of the item may have more fields (PS3.7 D.3.3.6.1).
  return { version, sopClassUid, serviceClassUid, relatedGeneralSopClassUids };
}

function decodeUserIdentity(body: Buffer): UserIdentity {
  const fields = new FieldReader(body, 'user identity');
  const head = { type: fields.byte(), positiveResponseRequested: fields.byte() === 1 };
  const identity = { ...head, primary: Buffer.from(fields.field()), secondary: Buffer.from(fields.field()) };
  fields.end();
  return identity;
}

function fourBytes(body: Buffer, what: string): Buffer {
  if (body.length !== 4) throw malformed(`${what} item is not 4 bytes`);
  return body;
}

/** Sub-items that both PDUs may have; false: it is none of them. */
function decodeShared(info: UserInformation, type: number, body: Buffer): boolean {
  switch (type) {
    case subItem.maximumLength:
      info.maximumLength = fourBytes(body, 'maximum length').readUInt32BE(0);
      return true;
    case subItem.implementationClassUid:
      info.implementationClassUid = uidText(body);
      return true;
    case subItem.implementationVersionName:
      info.implementationVersionName = body.toString('latin1').trim();
      return true;
    case subItem.asynchronousOperationsWindow: {
      const window = fourBytes(body, 'asynchronous operations window');
      info.asynchronousOperationsWindow = { invoked: window.readUInt16BE(0), performed: window.readUInt16BE(2) };
      return true;
    }
    case subItem.roleSelection:
      info.roleSelections.push(decodeRole(body));
      return true;
    case subItem.extendedNegotiation:
      info.extendedNegotiations ??= [];
      info.extendedNegotiations.push(decodeExtended(body));
      return true;
    default:
      return false;
  }
}

export const noUserInformation = (): UserInformation => ({
  maximumLength: 0,
  implementationClassUid: '',
  roleSelections: [],
});

/** `body`: of the item in an A-ASSOCIATE-RQ. Buffers in the result are copies. */
export function decodeRequestedUserInformation(body: Buffer): RequestedUserInformation {
  const info: RequestedUserInformation = noUserInformation();
  for (const sub of readItems(body, 'user information')) {
    if (decodeShared(info, sub.type, sub.body)) continue;
    if (sub.type === subItem.commonExtendedNegotiation) {
      info.commonExtendedNegotiations ??= [];
      info.commonExtendedNegotiations.push(decodeCommonExtended(sub.version, sub.body));
    } else if (sub.type === subItem.userIdentity) {
      // Which of two is the one to be checked? Neither.
      if (info.userIdentity) throw malformed('two user identities');
      info.userIdentity = decodeUserIdentity(sub.body);
    }
  }
  return info;
}

/** `body`: of the item in an A-ASSOCIATE-AC. Buffers in the result are copies. */
export function decodeAcceptedUserInformation(body: Buffer): AcceptedUserInformation {
  const info: AcceptedUserInformation = noUserInformation();
  for (const sub of readItems(body, 'user information')) {
    if (decodeShared(info, sub.type, sub.body) || sub.type !== subItem.userIdentityResponse) continue;
    const fields = new FieldReader(sub.body, 'user identity response');
    info.userIdentityResponse = Buffer.from(fields.field());
    fields.end();
  }
  return info;
}
