/** DIMSE command sets (PS3.7 section 6.3, annex E): group 0000 elements, always Implicit VR Little Endian. Pure. */

export const commandField = {
  cStoreRq: 0x0001,
  cStoreRsp: 0x8001,
  cGetRq: 0x0010,
  cFindRq: 0x0020,
  cMoveRq: 0x0021,
  cEchoRq: 0x0030,
  cEchoRsp: 0x8030,
  nEventReportRq: 0x0100,
  nEventReportRsp: 0x8100,
  nGetRq: 0x0110,
  nSetRq: 0x0120,
  nActionRq: 0x0130,
  nActionRsp: 0x8130,
  nCreateRq: 0x0140,
  nDeleteRq: 0x0150,
  cCancelRq: 0x0fff,
} as const;

/** (0000,0800): no data set follows. Any other value means that one does. */
export const noDataSet = 0x0101;

export type CommandSet = {
  commandField: number;
  messageId?: number;
  messageIdBeingRespondedTo?: number;
  affectedSopClassUid?: string;
  affectedSopInstanceUid?: string;
  /** Of N-GET, N-SET, N-ACTION and N-DELETE requests. */
  requestedSopClassUid?: string;
  requestedSopInstanceUid?: string;
  eventTypeId?: number;
  actionTypeId?: number;
  priority?: number;
  commandDataSetType: number;
  status?: number;
  errorComment?: string;
  moveOriginatorAeTitle?: string;
  moveOriginatorMessageId?: number;
};

type Form = 'US' | 'UI' | 'AE' | 'LO';

/** Element number in group 0000, form, and the property it becomes; ascending, as they are encoded. */
const elements: ReadonlyArray<{ element: number; form: Form; property: keyof CommandSet }> = [
  { element: 0x0002, form: 'UI', property: 'affectedSopClassUid' },
  { element: 0x0003, form: 'UI', property: 'requestedSopClassUid' },
  { element: 0x0100, form: 'US', property: 'commandField' },
  { element: 0x0110, form: 'US', property: 'messageId' },
  { element: 0x0120, form: 'US', property: 'messageIdBeingRespondedTo' },
  { element: 0x0700, form: 'US', property: 'priority' },
  { element: 0x0800, form: 'US', property: 'commandDataSetType' },
  { element: 0x0900, form: 'US', property: 'status' },
  { element: 0x0902, form: 'LO', property: 'errorComment' },
  { element: 0x1000, form: 'UI', property: 'affectedSopInstanceUid' },
  { element: 0x1001, form: 'UI', property: 'requestedSopInstanceUid' },
  { element: 0x1002, form: 'US', property: 'eventTypeId' },
  { element: 0x1008, form: 'US', property: 'actionTypeId' },
  { element: 0x1030, form: 'AE', property: 'moveOriginatorAeTitle' },
  { element: 0x1031, form: 'US', property: 'moveOriginatorMessageId' },
];
const byElement = new Map(elements.map((entry) => [entry.element, entry]));

/** The bytes are not a command set; the association cannot go on. */
export class CommandSetError extends Error {
  override readonly name = 'CommandSetError';
}

function encodeElement(element: number, value: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}

function encodeValue(form: Form, value: number | string): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return bytes;
  }
  const limited = form === 'LO' ? value.slice(0, 64) : value;
  const padding = limited.length % 2 === 0 ? '' : form === 'UI' ? '\0' : ' ';
  return Buffer.from(limited + padding, 'latin1');
}

export function encodeCommandSet(command: CommandSet): Buffer {
  const parts: Buffer[] = [];
  for (const { element, form, property } of elements) {
    const value = command[property];
    if (value !== undefined) parts.push(encodeElement(element, encodeValue(form, value)));
  }
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([encodeElement(0x0000, length), body]);
}

/** Throws `CommandSetError` on anything that is not a well-formed command set with a command field. */
export function decodeCommandSet(bytes: Buffer): CommandSet {
  const values: Record<string, number | string> = {};
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 8 > bytes.length) throw new CommandSetError('command set ends in the middle of an element');
    const group = bytes.readUInt16LE(offset);
    const element = bytes.readUInt16LE(offset + 2);
    const length = bytes.readUInt32LE(offset + 4);
    const end = offset + 8 + length;
    if (group !== 0)
      throw new CommandSetError(`element of group ${group.toString(16).padStart(4, '0')} in a command set`);
    if (end > bytes.length) throw new CommandSetError(`command element ${element} declares more bytes than are there`);
    const known = byElement.get(element);
    if (known?.form === 'US') {
      if (length !== 2) throw new CommandSetError(`command element ${element} is not one unsigned short`);
      values[known.property] = bytes.readUInt16LE(offset + 8);
    } else if (known) {
      values[known.property] = bytes.toString('latin1', offset + 8, end).replace(/[\0 ]+$/, '');
    }
    offset = end;
  }
  if (typeof values.commandField !== 'number') throw new CommandSetError('command set without a command field');
  return { commandDataSetType: noDataSet, ...values } as CommandSet;
}
