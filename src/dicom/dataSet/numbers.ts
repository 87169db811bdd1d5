/** The numbers in values of binary VRs (PS3.5 table 6.2-1). Pure. */

type Format = {
  size: number;
  read: (bytes: Buffer, at: number, littleEndian: boolean) => number;
  write: (bytes: Buffer, value: number, at: number, littleEndian: boolean) => void;
};

const u16: Format = {
  size: 2,
  read: (bytes, at, le) => (le ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
  write: (bytes, value, at, le) => (le ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at)),
};
const u32: Format = {
  size: 4,
  read: (bytes, at, le) => (le ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)),
  write: (bytes, value, at, le) => (le ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)),
};
const f32: Format = {
  size: 4,
  read: (bytes, at, le) => (le ? bytes.readFloatLE(at) : bytes.readFloatBE(at)),
  write: (bytes, value, at, le) => (le ? bytes.writeFloatLE(value, at) : bytes.writeFloatBE(value, at)),
};
const f64: Format = {
  size: 8,
  read: (bytes, at, le) => (le ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at)),
  write: (bytes, value, at, le) => (le ? bytes.writeDoubleLE(value, at) : bytes.writeDoubleBE(value, at)),
};
const u64: Format = {
  size: 8,
  read: (bytes, at, le) => Number(le ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)),
  write: (bytes, value, at, le) =>
    le ? bytes.writeBigUInt64LE(BigInt(value), at) : bytes.writeBigUInt64BE(BigInt(value), at),
};

const formats = new Map<string, Format>([
  ['US', u16],
  ['OW', u16],
  [
    'SS',
    {
      size: 2,
      read: (bytes, at, le) => (le ? bytes.readInt16LE(at) : bytes.readInt16BE(at)),
      write: (bytes, value, at, le) => (le ? bytes.writeInt16LE(value, at) : bytes.writeInt16BE(value, at)),
    },
  ],
  ['UL', u32],
  ['OL', u32],
  [
    'SL',
    {
      size: 4,
      read: (bytes, at, le) => (le ? bytes.readInt32LE(at) : bytes.readInt32BE(at)),
      write: (bytes, value, at, le) => (le ? bytes.writeInt32LE(value, at) : bytes.writeInt32BE(value, at)),
    },
  ],
  ['FL', f32],
  ['OF', f32],
  ['FD', f64],
  ['OD', f64],
  ['UV', u64],
  ['OV', u64],
  [
    'SV',
    {
      size: 8,
      read: (bytes, at, le) => Number(le ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at)),
      write: (bytes, value, at, le) =>
        le ? bytes.writeBigInt64LE(BigInt(value), at) : bytes.writeBigInt64BE(BigInt(value), at),
    },
  ],
  // A tag is two numbers of 16 bits, the group first in both byte orders.
  [
    'AT',
    {
      size: 4,
      read: (bytes, at, le) => u16.read(bytes, at, le) * 0x10000 + u16.read(bytes, at + 2, le),
      write: (bytes, value, at, le) => {
        u16.write(bytes, value >>> 16, at, le);
        u16.write(bytes, value & 0xffff, at + 2, le);
      },
    },
  ],
]);

/** The whole values in `bytes`; of AT the tags. [] for VRs without numbers. */
export function numbersIn(vr: string, bytes: Buffer, littleEndian: boolean): number[] {
  const format = formats.get(vr);
  if (format === undefined) return [];
  const numbers: number[] = [];
  for (let at = 0; at + format.size <= bytes.length; at += format.size)
    numbers.push(format.read(bytes, at, littleEndian));
  return numbers;
}

/** Throws RangeError for what the VR cannot hold; bytes for a VR without numbers (OB, UN). */
export function writeNumbers(vr: string, numbers: readonly number[], littleEndian: boolean): Buffer {
  const format = formats.get(vr);
  if (format === undefined) return Buffer.from(numbers);
  const bytes = Buffer.alloc(numbers.length * format.size);
  numbers.forEach((value, index) => {
    format.write(bytes, value, index * format.size, littleEndian);
  });
  return bytes;
}
