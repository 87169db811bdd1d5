import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AssociateAc,
  type AssociateRq,
  decodePdu,
  encodePdu,
  type Pdu,
} from '../../../src/dicom/upperLayer/pdu.ts';
import { abortReason, PduError } from '../../../src/dicom/upperLayer/pduError.ts';

/** Annotated bytes: what stands after a `#` is for the reader. */
function bytes(text: string): Buffer {
  return Buffer.from(text.replace(/#.*$/gm, '').replace(/\s+/g, ''), 'hex');
}
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex');
const decode = (pdu: Buffer) => decodePdu(pdu.readUInt8(0), pdu.subarray(6));

const rqBytes = bytes(`
  01 00 000000c9                             # A-ASSOCIATE-RQ, 201 bytes follow
  0001 0000                                  # protocol version 1, reserved
  ${ascii('GATEWAY         ')}               # called AE title, 16
  ${ascii('MODALITY        ')}               # calling AE title, 16
  ${'00'.repeat(32)}                         # reserved
  10 00 0015 ${ascii('1.2.840.10008.3.1.1.1')}  # application context
  20 00 002e 01 000000                       # presentation context 1, 46 bytes
    30 00 0011 ${ascii('1.2.840.10008.1.1')} #   abstract syntax: Verification
    40 00 0011 ${ascii('1.2.840.10008.1.2')} #   transfer syntax: Implicit VR Little Endian
  50 00 0036                                 # user information, 54 bytes
    51 00 0004 00004000                      #   maximum length 16384
    52 00 0003 ${ascii('1.2')}               #   implementation class UID
    53 00 0004 0001 0001                     #   asynchronous operations window 1/1
    54 00 0015 0011 ${ascii('1.2.840.10008.1.1')} 01 00 # role selection: SCU 1, SCP 0
    55 00 0002 ${ascii('V1')}                #   implementation version name
`);
const rq: AssociateRq = {
  type: 'associate-rq',
  protocolVersion: 1,
  calledAeTitle: 'GATEWAY',
  callingAeTitle: 'MODALITY',
  applicationContext: '1.2.840.10008.3.1.1.1',
  contexts: [{ id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] }],
  userInformation: {
    maximumLength: 16384,
    implementationClassUid: '1.2',
    asynchronousOperationsWindow: { invoked: 1, performed: 1 },
    roleSelections: [{ sopClassUid: '1.2.840.10008.1.1', scu: true, scp: false }],
    implementationVersionName: 'V1',
  },
};

const acBytes = bytes(`
  02 00 00000099                             # A-ASSOCIATE-AC, 153 bytes follow
  0001 0000
  ${ascii('GATEWAY         ')} ${ascii('MODALITY        ')} ${'00'.repeat(32)}
  10 00 0015 ${ascii('1.2.840.10008.3.1.1.1')}
  21 00 0019 01 00 00 00                     # presentation context 1: reserved, result 0 (acceptance), reserved
    40 00 0011 ${ascii('1.2.840.10008.1.2')}
  21 00 0008 03 00 03 00                     # presentation context 3: 3 (abstract syntax not supported)
    40 00 0000
  50 00 000f
    51 00 0004 00020000                      # maximum length 131072
    52 00 0003 ${ascii('1.2')}
`);
const ac: AssociateAc = {
  type: 'associate-ac',
  calledAeTitle: 'GATEWAY',
  callingAeTitle: 'MODALITY',
  contexts: [
    { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' },
    { id: 3, result: 3, transferSyntax: '' },
  ],
  userInformation: { maximumLength: 131072, implementationClassUid: '1.2', roleSelections: [] },
};

describe('PDUs as bytes (PS3.8 9.3)', () => {
  const worked: Array<[string, Buffer, Pdu]> = [
    ['A-ASSOCIATE-RQ', rqBytes, rq],
    ['A-ASSOCIATE-AC', acBytes, ac],
    [
      'A-ASSOCIATE-RJ', // reserved, result 2 (transient), source 3 (presentation), reason 2 (local limit exceeded)
      bytes('03 00 00000004 00 02 03 02'),
      { type: 'associate-rj', result: 2, source: 3, reason: 2 },
    ],
    ['A-RELEASE-RQ', bytes('05 00 00000004 00000000'), { type: 'release-rq' }],
    ['A-RELEASE-RP', bytes('06 00 00000004 00000000'), { type: 'release-rp' }],
    [
      'A-ABORT', // reserved, reserved, source 2 (service provider), reason 6 (invalid parameter value)
      bytes('07 00 00000004 00 00 02 06'),
      { type: 'abort', source: 2, reason: 6 },
    ],
  ];
  it.each(worked)('%s is encoded and decoded byte for byte', (_name, encoded, value) => {
    expect(encoded.readUInt32BE(2)).toBe(encoded.length - 6); // the example is right in itself
    const items = value.type === 'associate-rq' ? sortedItems(encoded) : encoded;
    expect(sortedItems(encodePdu(value)).toString('hex')).toBe(sortedItems(items).toString('hex'));
    expect(decode(encoded)).toEqual(value);
  });
});

/** User information sub-items may come in any order; they are compared as a set. */
function sortedItems(pdu: Buffer): Buffer {
  const at = pdu.indexOf(Buffer.from([0x50, 0x00]), 74);
  if (at < 0 || pdu[0] === undefined || pdu[0] > 2) return pdu;
  const subs: Buffer[] = [];
  for (let o = at + 4; o < pdu.length; ) {
    const end = o + 4 + pdu.readUInt16BE(o + 2);
    subs.push(pdu.subarray(o, end));
    o = end;
  }
  return Buffer.concat([pdu.subarray(0, at + 4), ...subs.sort(Buffer.compare)]);
}

const uidArbitrary = fc.stringMatching(/^[0-9.]{1,64}$/);
const title = fc.stringMatching(/^[A-Z0-9_]{1,16}$/);
const userInformation = fc.record(
  {
    maximumLength: fc.integer({ min: 0, max: 0xffffffff }),
    implementationClassUid: uidArbitrary,
    roleSelections: fc.array(fc.record({ sopClassUid: uidArbitrary, scu: fc.boolean(), scp: fc.boolean() }), {
      maxLength: 3,
    }),
    implementationVersionName: title,
    asynchronousOperationsWindow: fc.record({ invoked: fc.nat(0xffff), performed: fc.nat(0xffff) }),
  },
  { requiredKeys: ['maximumLength', 'implementationClassUid', 'roleSelections'] },
);
const byte = fc.nat(0xff);
const pduArbitrary: fc.Arbitrary<Pdu> = fc.oneof(
  fc.record({
    type: fc.constant('associate-rq' as const),
    protocolVersion: fc.nat(0xffff),
    calledAeTitle: title,
    callingAeTitle: title,
    applicationContext: uidArbitrary,
    contexts: fc.array(
      fc.record({ id: byte, abstractSyntax: uidArbitrary, transferSyntaxes: fc.array(uidArbitrary, { maxLength: 4 }) }),
      { maxLength: 6 },
    ),
    userInformation,
  }) as fc.Arbitrary<AssociateRq>,
  fc.record({
    type: fc.constant('associate-ac' as const),
    calledAeTitle: title,
    callingAeTitle: title,
    contexts: fc.array(fc.record({ id: byte, result: byte, transferSyntax: uidArbitrary }), { maxLength: 6 }),
    userInformation,
  }) as fc.Arbitrary<AssociateAc>,
  fc.record({ type: fc.constant('associate-rj' as const), result: byte, source: byte, reason: byte }),
  fc.record({ type: fc.constant('abort' as const), source: byte, reason: byte }),
  fc.constantFrom({ type: 'release-rq' as const }, { type: 'release-rp' as const }),
);

describe('PDU codec, for any input', () => {
  it('gives a value back as it was, and the same bytes for it again', () => {
    fc.assert(
      fc.property(pduArbitrary, (value) => {
        const once = encodePdu(value);
        expect(decode(once)).toEqual(value);
        expect(encodePdu(decode(once))).toEqual(once);
      }),
    );
  });

  const decodesOrSays = (type: number, body: Buffer) => {
    try {
      const value = decodePdu(type, body);
      // What was understood can be said again and is understood the same way.
      expect(decode(encodePdu(value))).toEqual(value);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      expect([1, 2, 4, 5, 6]).toContain(error.reason);
    }
  };

  it('throws nothing but PduError at random bytes', () => {
    fc.assert(
      fc.property(byte, fc.uint8Array({ maxLength: 300 }), (type, body) => decodesOrSays(type, Buffer.from(body))),
      { numRuns: 500 },
    );
  });

  it('throws nothing but PduError at valid PDUs with bytes changed, cut off or put in', () => {
    const change = fc.record({ at: fc.nat(400), value: byte, kind: fc.constantFrom('set', 'cut', 'insert') });
    fc.assert(
      fc.property(pduArbitrary, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
        const encoded = encodePdu(value);
        let body: Buffer = encoded.subarray(6);
        for (const { at, value: to, kind } of changes) {
          const where = at % (body.length + 1);
          if (kind === 'cut') body = body.subarray(0, where);
          else {
            const after = body.subarray(kind === 'set' ? where + 1 : where);
            body = Buffer.concat([body.subarray(0, where), Buffer.from([to]), after]);
          }
        }
        decodesOrSays(encoded.readUInt8(0), body);
      }),
      { numRuns: 500 },
    );
  });
});

describe('A-ASSOCIATE-RQ from strangers', () => {
  const withBody = (body: Buffer) => decodePdu(1, body);
  const fixed = (called: string, calling: string) => {
    const head = Buffer.alloc(68);
    head.writeUInt16BE(1);
    head.write(called.padEnd(16), 4, 'latin1');
    head.write(calling.padEnd(16), 20, 'latin1');
    return head;
  };

  it('keeps control characters in an AE title: only spaces around it are not significant (PS3.5 6.2)', () => {
    expect(withBody(fixed('GATEWAY\n', '\tCT1 '))).toMatchObject({
      calledAeTitle: 'GATEWAY\n',
      callingAeTitle: '\tCT1',
    });
    expect(withBody(fixed('GATEWAY\xa0', 'CT1\0\0\0'))).toMatchObject({
      calledAeTitle: 'GATEWAY\xa0',
      callingAeTitle: 'CT1',
    });
  });

  it('ignores items that it does not know (PS3.8 9.3.1)', () => {
    const unknown = bytes('99 00 0003 010203');
    const sub = bytes('50 00 0007 7f 00 0003 010203');
    expect(withBody(Buffer.concat([fixed('A', 'B'), unknown, sub]))).toMatchObject({ contexts: [] });
  });

  it('takes a presentation context for each ID that there is, and no more', () => {
    const contexts = (count: number) =>
      Buffer.concat(Array.from({ length: count }, () => bytes('20 00 0004 01000000')));
    expect(withBody(Buffer.concat([fixed('A', 'B'), contexts(128)]))).toMatchObject({ contexts: { length: 128 } });
    expect(() => withBody(Buffer.concat([fixed('A', 'B'), contexts(129)]))).toThrow(
      expect.objectContaining({ reason: abortReason.invalidParameterValue }),
    );
  });

  it.each([
    ['an item that is longer than the PDU', '10 00 ffff 31'],
    ['stray bytes after the last item', '10 00 0001 31 00 00'],
    ['a presentation context of three bytes', '20 00 0003 010000'],
    ['a maximum length item of two bytes', '50 00 0006 51 00 0002 4000'],
    ['an asynchronous operations window of one byte', '50 00 0005 53 00 0001 01'],
    ['a role selection whose UID is longer than it', '50 00 0008 54 00 0004 00ff 0101'],
  ])('refuses %s', (_what, items) => {
    const encoded = Buffer.concat([fixed('A', 'B'), bytes(items)]);
    expect(() => withBody(encoded)).toThrow(PduError);
  });
});
