/**
 * Where the length fields of a PDU stream are, and which of them enclose a position: with this a mutation can lie about one
 * length and leave the rest true, or change a value and keep every length true.
 */

export type LengthField = {
  at: number;
  width: 2 | 4;
  /** The bytes that it counts. */
  start: number;
  end: number;
};

const itemsBegin = 6 + 68;

/** Of a stream of PDUs, as far as it can be followed; nested fields come after those that enclose them. */
export function lengthFields(bytes: Buffer): LengthField[] {
  const fields: LengthField[] = [];
  let at = 0;
  while (at + 6 <= bytes.length && fields.length < 200) {
    const type = bytes.readUInt8(at);
    const end = at + 6 + bytes.readUInt32BE(at + 2);
    if (end > bytes.length) break;
    fields.push({ at: at + 2, width: 4, start: at + 6, end });
    if (type === 4) values(bytes, at + 6, end, fields);
    else if (type <= 2) items(bytes, at + itemsBegin, end, fields);
    at = end;
  }
  return fields;
}

function values(bytes: Buffer, from: number, to: number, fields: LengthField[]): void {
  for (let at = from; at + 6 <= to; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > to) return;
    fields.push({ at, width: 4, start: at + 4, end });
    at = end;
  }
}

function items(bytes: Buffer, from: number, to: number, fields: LengthField[]): void {
  for (let at = from; at + 4 <= to; ) {
    const type = bytes.readUInt8(at);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > to) return;
    fields.push({ at: at + 2, width: 2, start: at + 4, end });
    if (type === 0x20 || type === 0x21) items(bytes, at + 8, end, fields);
    else if (type === 0x50) items(bytes, at + 4, end, fields);
    else if (type === 0x54 && at + 6 <= end) {
      fields.push({ at: at + 4, width: 2, start: at + 6, end: Math.max(at + 6, end - 2) });
    }
    at = end;
  }
}

export function writeLength(bytes: Buffer, { at, width }: LengthField, length: number): void {
  if (width === 2) bytes.writeUInt16BE(length & 0xffff, at);
  else bytes.writeUInt32BE(length >>> 0, at);
}

/** `bytes` with those from `start` to `end` replaced, and every length around them true again. */
export function replaceInside(bytes: Buffer, start: number, end: number, by: Buffer): Buffer {
  const enclosing = lengthFields(bytes).filter((field) => field.start <= start && field.end >= end);
  const changed = Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
  for (const field of enclosing) writeLength(changed, field, field.end - field.start + by.length - (end - start));
  return changed;
}
