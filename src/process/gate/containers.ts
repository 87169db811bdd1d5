/** What lies compressed inside of files: streams of PDF, members of gzip and ZIP, texts of PNG. Bounded in what it inflates to. */
import { gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

export type Content = { bytes: Buffer; where: string };
/** `unreadable`: why not all of it could be looked into. `trailing`: bytes behind the end of the file's own content. */
export type Unpacked = { contents: Content[]; unreadable?: string; trailing?: number };

const most = 256 * 1024 * 1024;

/** Compressions and containers that are not looked into, by their first bytes, hexadecimal. */
const closed: ReadonlyArray<[first: string, name: string]> = [
  ['425a68', 'bzip2'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['377abcaf271c', '7z'],
  ['526172211a07', 'RAR'],
  ['04224d18', 'lz4'],
  ['d0cf11e0a1b11ae1', 'an old office document'],
];

/** undefined: nothing is known to be inside. */
export function unpack(bytes: Buffer): Unpacked | undefined {
  const first = bytes.toString('hex', 0, 8);
  const name = closed.find(([start]) => first.startsWith(start))?.[1];
  if (name !== undefined) return { contents: [], unreadable: `it is ${name}, which is not looked into` };
  try {
    if (first.startsWith('1f8b')) return { contents: [{ bytes: gunzipSync(bytes, limit), where: 'a gzip file' }] };
    if (first.startsWith('504b0304')) return unpackZip(bytes);
    if (first === '89504e470d0a1a0a') return unpackPng(bytes);
    if (first.startsWith('25504446')) return unpackPdf(bytes);
  } catch {
    return { contents: [], unreadable: 'it is damaged, or inflates to more than 256 MiB' };
  }
  return undefined;
}

const limit = { maxOutputLength: most };

/** By the local headers; what is encrypted, or compressed by anything but deflate, cannot be looked into. */
function unpackZip(bytes: Buffer): Unpacked {
  const directory = bytes.lastIndexOf(Buffer.from('504b0506', 'hex'));
  if (directory < 0 || directory + 22 > bytes.length) return { contents: [], unreadable: 'it is a damaged ZIP file' };
  const contents: Content[] = [];
  let at = bytes.readUInt32LE(directory + 16);
  for (let left = bytes.readUInt16LE(directory + 10); left > 0; left--) {
    const [flags, method] = [bytes.readUInt16LE(at + 8), bytes.readUInt16LE(at + 10)];
    const size = bytes.readUInt32LE(at + 20);
    const header = bytes.readUInt32LE(at + 42);
    if ((flags & 1) !== 0) return { contents, unreadable: 'a member of the ZIP file is encrypted' };
    const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
    const packed = bytes.subarray(start, start + size);
    if (method !== 0 && method !== 8) return { contents, unreadable: 'a member of the ZIP file is not deflated' };
    contents.push({ bytes: method === 8 ? inflateRawSync(packed, limit) : packed, where: 'a member of a ZIP file' });
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return { contents };
}

/** Text chunks (tEXt, zTXt, iTXt, eXIf) and whatever else is not pixels (IDAT). */
function unpackPng(bytes: Buffer): Unpacked {
  const contents: Content[] = [];
  let at = 8;
  while (at + 12 <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
    if (type === 'IEND') break;
    if (type === 'IDAT' || type === 'fdAT') continue;
    const where = `chunk ${/^[A-Za-z]{4}$/.test(type) ? type : '?'} of a PNG`;
    contents.push({ bytes: data, where });
    const packed =
      type === 'zTXt' ? data.indexOf(0) + 2 : type === 'iTXt' && isCompressed(data) ? afterNulls(data) : -1;
    if (packed > 1) contents.push({ bytes: inflateSync(data.subarray(packed), limit), where });
  }
  return { contents, trailing: bytes.length - at };
}

const isCompressed = (data: Buffer) => data[data.indexOf(0) + 1] === 1;
/** Keyword, two flags, language tag, translated keyword: three null bytes end texts. */
const afterNulls = (data: Buffer) => data.indexOf(0, data.indexOf(0, data.indexOf(0) + 3) + 1) + 1;

const streamStart = /stream\r?\n/g;

function unpackPdf(bytes: Buffer): Unpacked {
  const text = bytes.toString('latin1');
  if (text.includes('/Encrypt')) return { contents: [], unreadable: 'it is an encrypted PDF' };
  const contents: Content[] = [];
  for (const match of text.matchAll(streamStart)) {
    const start = match.index + match[0].length;
    const end = text.indexOf('endstream', start);
    if (end < 0 || text.slice(Math.max(0, match.index - 3), match.index) === 'end') continue;
    try {
      contents.push({ bytes: inflateSync(bytes.subarray(start, end), limit), where: 'a stream of a PDF' });
    } catch {
      // Not deflated: it is searched with the rest of the file.
    }
  }
  // Texts in hexadecimal, as metadata in UTF-16 are.
  const hexadecimal = [...text.matchAll(/<([0-9A-Fa-f\s]{8,})>/g)].map(([, digits = '']) =>
    Buffer.from(digits.replace(/\s/g, ''), 'hex'),
  );
  if (hexadecimal.length > 0) contents.push({ bytes: Buffer.concat(hexadecimal), where: 'a text of a PDF' });
  return { contents };
}
