/**
 * Finds out what a TLS server accepts by sending it ClientHellos made by hand and reading its first answer: OpenSSL's own idea of
 * what may be offered has no part in it.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

export const wireVersion = {
  'SSL 3.0': 0x0300,
  'TLS 1.0': 0x0301,
  'TLS 1.1': 0x0302,
  'TLS 1.2': 0x0303,
  'TLS 1.3': 0x0304,
};
export type WireVersion = keyof typeof wireVersion;

export type Offer = {
  version: WireVersion;
  suites: readonly number[];
  groups?: readonly number[];
  signatureAlgorithms?: readonly number[];
};

/** `version` and `suite` are those that the server chose. */
export type Answer =
  | { kind: 'accepted'; version: number; suite: number }
  | { kind: 'alert'; level: number; description: number }
  | { kind: 'closed' };

/** Every number that IANA has given to a cipher suite lies in one of these ranges (TLS Cipher Suites registry). */
export const cipherSuiteNumbers: readonly number[] = [
  [0x0000, 0x00c7],
  [0x1301, 0x1307],
  [0xc001, 0xc0b7],
  [0xc100, 0xc106],
  [0xcca8, 0xccae],
  [0xd001, 0xd005],
].flatMap(([first = 0, last = 0]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));

const x25519 = 0x001d;
/** X25519, P-256, P-384, P-521, ffdhe2048. */
const commonGroups = [x25519, 0x0017, 0x0018, 0x0019, 0x0100];
/** Old and new alike: ECDSA, RSA and DSA with SHA-1 and better, PSS, Ed25519. */
const commonSignatureAlgorithms = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0203,
  0x0201, 0x0202, 0x0101,
];

const uint16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
const prefixed = (bytes: Buffer, size: 1 | 2 | 3) => {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return Buffer.concat([length, bytes]);
};
const list16 = (values: readonly number[]) => prefixed(Buffer.concat(values.map(uint16)), 2);
const extension = (type: number, content: Buffer) => Buffer.concat([uint16(type), prefixed(content, 2)]);

function extensions({
  version,
  groups = commonGroups,
  signatureAlgorithms = commonSignatureAlgorithms,
}: Offer): Buffer {
  const all = [
    extension(0x000a, list16(groups)),
    extension(0x000b, Buffer.from([1, 0])), // points, uncompressed
    extension(0x000d, list16(signatureAlgorithms)),
    extension(0xff01, Buffer.from([0])), // secure renegotiation
  ];
  if (version === 'TLS 1.3') {
    all.push(extension(0x002b, Buffer.from([2, 3, 4])));
    const share = Buffer.concat([uint16(x25519), prefixed(randomBytes(32), 2)]);
    all.push(extension(0x0033, prefixed(share, 2)));
  }
  return prefixed(Buffer.concat(all), 2);
}

/** RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6101 5.6.1.2. */
export function clientHello(offer: Offer): Buffer {
  const legacy = Math.min(wireVersion[offer.version], 0x0303);
  const body = Buffer.concat([
    uint16(legacy),
    randomBytes(32),
    prefixed(offer.version === 'TLS 1.3' ? randomBytes(32) : Buffer.alloc(0), 1),
    list16(offer.suites),
    Buffer.from([1, 0]), // no compression
    offer.version === 'SSL 3.0' ? Buffer.alloc(0) : extensions(offer),
  ]);
  const handshake = Buffer.concat([Buffer.from([1]), prefixed(body, 3)]);
  const recordVersion = legacy === 0x0303 ? 0x0301 : legacy;
  return Buffer.concat([Buffer.from([22]), uint16(recordVersion), prefixed(handshake, 2)]);
}

/** The first record as an answer; undefined: not whole yet. */
function parse(bytes: Buffer): Answer | undefined {
  if (bytes.length < 5 || bytes.length < 5 + bytes.readUInt16BE(3)) return undefined;
  const body = bytes.subarray(5, 5 + bytes.readUInt16BE(3));
  if (bytes[0] === 21) return { kind: 'alert', level: body.readUInt8(0), description: body.readUInt8(1) };
  if (bytes[0] !== 22 || body[0] !== 2) return { kind: 'closed' };
  const suiteAt = 38 + 1 + body.readUInt8(38);
  const suite = body.readUInt16BE(suiteAt);
  return { kind: 'accepted', version: chosenVersion(body, suiteAt + 3), suite };
}

/** supported_versions overrides the version of the header (RFC 8446 4.1.3). */
function chosenVersion(body: Buffer, extensionsAt: number): number {
  for (let at = extensionsAt + 2; at + 4 <= body.length; at += 4 + body.readUInt16BE(at + 2)) {
    if (body.readUInt16BE(at) === 0x002b) return body.readUInt16BE(at + 4);
  }
  return body.readUInt16BE(4);
}

/** Sends `bytes` as they are and reads the first answer. */
export function offerBytes(port: number, bytes: Buffer): Promise<Answer> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(bytes));
    const done = (answer: Answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const answer = parse(received);
      if (answer) done(answer);
    });
    socket.on('error', () => done({ kind: 'closed' }));
    socket.on('close', () => done({ kind: 'closed' }));
  });
}

export const offerHello = (port: number, offer: Offer) => offerBytes(port, clientHello(offer));

/** Offers each cipher suite by itself, and lists those that were accepted, as `TLS 1.2 c02b`. */
export async function scan(port: number, versions = Object.keys(wireVersion) as WireVersion[]): Promise<string[]> {
  const offers = versions.flatMap((version) => cipherSuiteNumbers.map((suite) => ({ version, suites: [suite] })));
  const accepted: string[] = [];
  const worker = async () => {
    for (let offer = offers.pop(); offer; offer = offers.pop()) {
      const answer = await offerHello(port, offer);
      if (answer.kind === 'accepted') accepted.push(accepts(answer.version, answer.suite));
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return accepted.sort();
}

export function accepts(version: number, suite: number): string {
  const name = Object.entries(wireVersion).find(([, number]) => number === version)?.[0] ?? version.toString(16);
  return `${name} ${suite.toString(16).padStart(4, '0')}`;
}
