import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { PduError } from '../../../src/dicom/upperLayer/pduError.ts';
import { PduReader } from '../../../src/dicom/upperLayer/pduReader.ts';

const limits = { associatePduLength: 4096, maximumLength: 1024 };

type Seen = string[];

/** Feeds `chunks`; what is seen is independent of how a value was cut into calls. */
function read(chunks: Iterable<Buffer>): { seen: Seen; error: PduError | undefined; atBoundary: boolean } {
  const seen: Seen = [];
  let open = '';
  const reader = new PduReader(limits, {
    onPdu: (pdu) => void seen.push(JSON.stringify(pdu)),
    onPData: () => void seen.push('P-DATA-TF'),
    onPdv: (id, control, bytes, ends) => {
      open += bytes.toString('hex');
      if (!ends) return;
      seen.push(`PDV ${id} ${control} ${open}`);
      open = '';
    },
  });
  try {
    for (const chunk of chunks) reader.push(chunk);
  } catch (error) {
    if (!(error instanceof PduError)) throw error;
    return { seen, error, atBoundary: false };
  }
  if (open) seen.push(`unfinished ${open}`);
  return { seen, error: undefined, atBoundary: reader.atBoundary };
}

type Value = { id: number; control: number; data: Buffer };
function pData(values: Value[]): Buffer {
  const items = values.map(({ id, control, data }) => {
    const head = Buffer.alloc(6);
    head.writeUInt32BE(data.length + 2);
    head.set([id, control], 4);
    return Buffer.concat([head, data]);
  });
  const body = Buffer.concat(items);
  const head = Buffer.from([4, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

const abort = encodePdu({ type: 'abort', source: 0, reason: 0 });
const releaseRq = encodePdu({ type: 'release-rq' });
const rq = encodePdu({
  type: 'associate-rq',
  protocolVersion: 1,
  calledAeTitle: 'A',
  callingAeTitle: 'B',
  applicationContext: '1.2',
  contexts: [{ id: 1, abstractSyntax: '1.2.3', transferSyntaxes: ['1.2.840.10008.1.2'] }],
  userInformation: { maximumLength: 0, implementationClassUid: '1', roleSelections: [] },
});

const stream = Buffer.concat([
  rq,
  pData([{ id: 1, control: 3, data: Buffer.from('command') }]),
  pData([
    { id: 1, control: 0, data: Buffer.from('several') },
    { id: 1, control: 0, data: Buffer.alloc(0) }, // a value of zero bytes
    { id: 3, control: 2, data: Buffer.from('values') },
  ]),
  pData([{ id: 1, control: 2, data: Buffer.alloc(0) }]),
  releaseRq,
  pData([
    { id: 5, control: 0, data: Buffer.alloc(0) },
    { id: 5, control: 2, data: Buffer.alloc(0) },
  ]),
  abort,
]);

describe('PduReader', () => {
  const whole = read([stream]);

  it('sees each PDU and each value once, in order', () => {
    expect(whole.error).toBeUndefined();
    expect(whole.atBoundary).toBe(true);
    expect(whole.seen.map((line) => line.replace(/^\{"type":"([a-z-]+)".*$/, '$1'))).toEqual([
      'associate-rq',
      'P-DATA-TF',
      `PDV 1 3 ${Buffer.from('command').toString('hex')}`,
      'P-DATA-TF',
      `PDV 1 0 ${Buffer.from('several').toString('hex')}`,
      'PDV 1 0 ',
      `PDV 3 2 ${Buffer.from('values').toString('hex')}`,
      'P-DATA-TF',
      'PDV 1 2 ',
      'release-rq',
      'P-DATA-TF',
      'PDV 5 0 ',
      'PDV 5 2 ',
      'abort',
    ]);
  });

  it('sees the same when the stream is split in two at any position', () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(read([stream.subarray(0, at), stream.subarray(at)]).seen).toEqual(whole.seen);
    }
  });

  it('hands on a value of zero bytes at once: nothing may come after it until it is answered', () => {
    const last = pData([{ id: 1, control: 2, data: Buffer.alloc(0) }]);
    expect(read([last]).seen).toEqual(['P-DATA-TF', 'PDV 1 2 ']);
    expect(read(Array.from(last, (byte) => Buffer.from([byte]))).seen).toEqual(['P-DATA-TF', 'PDV 1 2 ']);
  });

  it('sees the same a byte at a time', () => {
    expect(read(Array.from(stream, (byte) => Buffer.from([byte]))).seen).toEqual(whole.seen);
  });

  it('does not keep the memory of a chunk: it may be used again at once', () => {
    const shared = Buffer.alloc(7);
    const reused = (function* () {
      for (let at = 0; at < stream.length; at += shared.length) {
        shared.fill(0xee);
        const length = stream.copy(shared, 0, at);
        yield shared.subarray(0, length);
      }
    })();
    expect(read(reused).seen).toEqual(whole.seen);
  });

  it('keeps little more than the bytes themselves of a PDU that comes a byte at a time', () => {
    const large = { associatePduLength: 1024 * 1024, maximumLength: 1024 };
    const reader = new PduReader(large, { onPdu: () => {}, onPData: () => {}, onPdv: () => {} });
    const head = Buffer.from([1, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(1024 * 1024, 2);
    reader.push(head);
    const usage = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const before = usage();
    const byte = Buffer.from([0]);
    for (let i = 0; i < 1024 * 1024 - 1; i++) reader.push(byte);
    expect(usage() - before).toBeLessThan(32 * 1024 * 1024);
  });

  it('sees the same for any PDUs and any chunking', () => {
    const value = fc.record({
      id: fc.nat(255),
      control: fc.nat(3),
      data: fc.uint8Array({ maxLength: 40 }).map((data) => Buffer.from(data)),
    });
    const pdu = fc.oneof(
      fc.array(value, { minLength: 1, maxLength: 4 }).map(pData),
      fc.constantFrom(rq, releaseRq, abort),
    );
    fc.assert(
      fc.property(fc.array(pdu, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 50 })), (pdus, sizes) => {
        const all = Buffer.concat(pdus);
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < all.length; i++) {
          const size = sizes[i % sizes.length] ?? all.length;
          chunks.push(all.subarray(at, at + size));
          at += size;
        }
        expect(read(chunks)).toEqual(read([all]));
      }),
    );
  });

  it('throws nothing but PduError at random bytes, whatever the chunking, and ends', () => {
    const start = fc.constantFrom(1, 2, 3, 4, 5, 6, 7);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), fc.nat(20), (type, tail, size) => {
        const all = Buffer.concat([Buffer.from([type, 0, 0, 0, 0]), Buffer.from(tail)]);
        const chunks: Buffer[] = [];
        for (let at = 0; at < all.length; at += size + 1) chunks.push(all.subarray(at, at + size + 1));
        expect(read(chunks).error?.message).toBe(read([all]).error?.message);
      }),
      { numRuns: 500 },
    );
  });

  const header = (type: number, length: number) => {
    const head = Buffer.from([type, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(length, 2);
    return head;
  };
  it.each([
    ['PDU type 00', header(0, 4), 1],
    ['PDU type 08', header(8, 4), 1],
    ['PDU type FF', header(0xff, 0xffffffff), 1],
    ['an A-ASSOCIATE-RQ over the limit', header(1, 4097), 6],
    ['an A-ASSOCIATE-RQ of FFFFFFFFH bytes', header(1, 0xffffffff), 6],
    ['an A-ASSOCIATE-RQ of zero bytes', header(1, 0), 6],
    ['an A-ASSOCIATE-RQ too short for its fixed fields', Buffer.concat([header(1, 5), Buffer.alloc(5)]), 6],
    ['a P-DATA-TF over what was negotiated', header(4, 1025), 6],
    ['a P-DATA-TF of FFFFFFFFH bytes', header(4, 0xffffffff), 6],
    ['a P-DATA-TF of zero bytes', header(4, 0), 6],
    ['a P-DATA-TF that cannot hold a value', header(4, 5), 6],
    ['a value longer than its P-DATA-TF', Buffer.concat([header(4, 8), Buffer.from('000000ff0100', 'hex')]), 6],
    ['a value of length 0', Buffer.concat([header(4, 8), Buffer.from('000000000103', 'hex')]), 6],
    ['a value of length 1', Buffer.concat([header(4, 8), Buffer.from('000000010103', 'hex')]), 6],
    ['a value of FFFFFFFFH bytes', Buffer.concat([header(4, 8), Buffer.from('ffffffff0103', 'hex')]), 6],
    ['stray bytes after a value', Buffer.concat([header(4, 11), Buffer.from('000000040103', 'hex')]), 6],
    ['an A-RELEASE-RQ of five bytes', header(5, 5), 6],
    ['an A-ABORT of zero bytes', header(7, 0), 6],
  ])('refuses %s as soon as it is there', (_what, bytes, reason) => {
    expect(read([bytes]).error?.reason).toBe(reason);
  });

  it('knows whether a connection ended between two PDUs', () => {
    expect(read([abort]).atBoundary).toBe(true);
    expect(read([abort, Buffer.from([4])]).atBoundary).toBe(false);
    expect(read([rq.subarray(0, 20)]).atBoundary).toBe(false);
    expect(read([stream.subarray(0, rq.length + 15)]).atBoundary).toBe(false);
  });
});

describe('a reader on hold', () => {
  const wire = Buffer.concat([
    rq,
    pData([
      { id: 1, control: 3, data: Buffer.from('command') },
      { id: 1, control: 2, data: Buffer.alloc(0) },
    ]),
    pData([{ id: 1, control: 2, data: Buffer.alloc(0) }]),
    releaseRq,
  ]);

  /** What happens, in order, with `hold()` after the events whose numbers are in `holds`. */
  function heldRead(
    chunks: Buffer[],
    holds: ReadonlySet<number>,
  ): { seen: string[]; afterHold: number; left: boolean } {
    const seen: string[] = [];
    let afterHold = 0;
    let held = false;
    let open = '';
    const note = (what: string) => {
      if (held) afterHold++;
      if (holds.has(seen.push(what) - 1)) {
        held = true;
        reader.hold();
      }
    };
    const reader = new PduReader(limits, {
      onPdu: (pdu) => note(pdu.type),
      onPData: () => note('P-DATA-TF'),
      onPdv: (_id, control, bytes, ends) => {
        open += bytes.toString('hex');
        if (!ends) return;
        note(`PDV ${control} ${open}`);
        open = '';
      },
    });
    for (const chunk of chunks) {
      const copy = Buffer.from(chunk);
      reader.push(copy);
      copy.fill(0xee); // what it kept is a copy
    }
    while (held) {
      held = false;
      reader.resume();
    }
    return { seen, afterHold, left: !reader.atBoundary };
  }
  const straight = heldRead([wire], new Set()).seen;

  it('hands nothing on until it is let go, and then everything, in order, wherever it was held', () => {
    const cuts = fc.array(fc.nat(wire.length), { maxLength: 6 });
    fc.assert(
      fc.property(cuts, fc.array(fc.nat(straight.length - 1), { maxLength: 4 }), (at, holds) => {
        const places = [0, ...at.sort((a, b) => a - b), wire.length];
        const chunks = places.slice(1).map((end, i) => wire.subarray(places[i], end));
        const { seen, afterHold, left } = heldRead(chunks, new Set(holds));
        expect(seen).toEqual(straight);
        expect(afterHold).toBe(0);
        expect(left).toBe(false);
      }),
    );
  });

  it('is not at a boundary: bytes are left in it', () => {
    const reader = new PduReader(limits, { onPdu: () => reader.hold(), onPData: () => {}, onPdv: () => {} });
    reader.push(releaseRq);
    expect(reader.atBoundary).toBe(false);
    reader.resume();
    expect(reader.atBoundary).toBe(true);
  });
});

describe('what a reader knows of its peer', () => {
  const reader = () => new PduReader(limits, { onPdu: () => {}, onPData: () => {}, onPdv: () => {} });

  it('counts PDUs that have come whole, not those that have begun', () => {
    const one = reader();
    const data = pData([{ id: 1, control: 0, data: Buffer.alloc(100) }]);
    one.push(data.subarray(0, -1));
    expect(one.completed).toBe(0);
    one.push(Buffer.concat([data.subarray(-1), releaseRq, abort.subarray(0, 8)]));
    expect(one.completed).toBe(2);
  });

  it('enforces the length that was announced last, and says which limit it was', () => {
    const one = reader();
    one.maximumLength = 100;
    one.push(pData([{ id: 1, control: 0, data: Buffer.alloc(94) }]));
    let error: unknown;
    try {
      one.push(pData([{ id: 1, control: 0, data: Buffer.alloc(95) }]));
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ limit: 'maxPduLength', reason: 6 });
    const other = reader();
    other.maximumLength = 0; // no limit
    other.push(pData([{ id: 1, control: 0, data: Buffer.alloc(100_000) }]));
    expect(other.completed).toBe(1);
  });

  it('says that a request is longer than allowed, as a limit', () => {
    const long = Buffer.from('010000001001', 'hex');
    expect(() => reader().push(long)).toThrow(expect.objectContaining({ limit: 'associateRequestBytes' }));
  });
});
