/** Items and sub-items: the form that all variable fields of A-ASSOCIATE-RQ and -AC have (PS3.8 9.3.2). Pure. */
import { abortReason, PduError } from './pduError.ts';

/** `version`: the byte after the type, reserved in all items but 57H. */
export type Item = { type: number; version: number; body: Buffer };

export const hexByte = (byte: number) => `${byte.toString(16).padStart(2, '0').toUpperCase()}H`;

/** Type, reserved, length (2 bytes), body. Throws `RangeError` for a body of more than 65535 bytes. */
export function item(type: number, body: Uint8Array): Buffer {
  const header = Buffer.from([type, 0, 0, 0]);
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

export const textItem = (type: number, text: string) => item(type, Buffer.from(text, 'latin1'));

/** Splits `bytes` into items; a length that points outside is a `PduError`, never a short read. */
export function* readItems(bytes: Buffer, where: string): Generator<Item> {
  let offset = 0;
  while (offset < bytes.length) {
    const left = bytes.length - offset - 4;
    if (left < 0) throw malformed(`${where}: ${left + 4} stray bytes after the last item`);
    const type = bytes.readUInt8(offset);
    const length = bytes.readUInt16BE(offset + 2);
    if (length > left) throw malformed(`${where}: item ${hexByte(type)} declares ${length} bytes, more than are there`);
    yield { type, version: bytes.readUInt8(offset + 1), body: bytes.subarray(offset + 4, offset + 4 + length) };
    offset += 4 + length;
  }
}

/** UIDs here are not padded by the standard, but many senders pad them as in a data set. */
export const uidText = (body: Buffer) => body.toString('latin1').replace(/[\0 ]+$/, '');

export const malformed = (message: string) => new PduError(message, abortReason.invalidParameterValue);

/** A field with its length (2 bytes) in front. */
export function field(body: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([length, body]);
}

/** Takes the fields of an item apart, one after another; what does not fit the item is a `PduError`. */
export class FieldReader {
  readonly #bytes: Buffer;
  readonly #where: string;
  #offset = 0;

  constructor(bytes: Buffer, where: string) {
    this.#bytes = bytes;
    this.#where = where;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  take(length: number): Buffer {
    if (length > this.left) throw malformed(`${this.#where}: a field of ${length} bytes where ${this.left} are left`);
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  byte(): number {
    return this.take(1).readUInt8(0);
  }

  /** A field with its length in front. */
  field(): Buffer {
    return this.take(this.take(2).readUInt16BE(0));
  }

  rest(): Buffer {
    return this.take(this.left);
  }

  /** Says that nothing more may follow. */
  end(): void {
    if (this.left > 0) throw malformed(`${this.#where}: ${this.left} bytes too many`);
  }
}
