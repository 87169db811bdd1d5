/** As much of DER (X.690) as it takes to find a field by its place. Pure; throws RangeError on what is no DER. */

export type Der = {
  tag: number;
  /** With tag and length. */
  whole: Buffer;
  value: Buffer;
};

export const derTag = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18, version: 0xa0 } as const;

function readOne(bytes: Buffer): Der {
  const tag = bytes.readUInt8(0);
  let length = bytes.readUInt8(1);
  let header = 2;
  if (length > 0x80 && length <= 0x84) {
    const size = length - 0x80;
    length = bytes.readUIntBE(2, size);
    header += size;
  } else if (length >= 0x80) throw new RangeError('DER: length of more than four bytes');
  if (header + length > bytes.length) throw new RangeError('DER: cut off');
  return { tag, whole: bytes.subarray(0, header + length), value: bytes.subarray(header, header + length) };
}

/** The first `count` elements, or all. */
export function readDer(bytes: Buffer, count = Number.POSITIVE_INFINITY): Der[] {
  const found: Der[] = [];
  for (let rest = bytes; rest.length > 0 && found.length < count; ) {
    const one = readOne(rest);
    found.push(one);
    rest = rest.subarray(one.whole.length);
  }
  return found;
}

/** UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 has them, in milliseconds since 1970. */
export function readTime({ tag, value }: Der): number {
  const text = value.toString('latin1');
  const digits = tag === derTag.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) throw new RangeError('DER: not a time');
  return time;
}
