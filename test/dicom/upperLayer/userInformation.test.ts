/** The negotiation items of PS3.7 annex D.3.3, byte for byte, and with lengths that lie. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PduError } from '../../../src/dicom/upperLayer/pduError.ts';
import type { AcceptedUserInformation, RequestedUserInformation } from '../../../src/dicom/upperLayer/pduTypes.ts';
import {
  decodeAcceptedUserInformation,
  decodeRequestedUserInformation,
  encodeUserInformation,
} from '../../../src/dicom/upperLayer/userInformation.ts';

const hex = (text: string) => Buffer.from(text.replace(/#.*$/gm, '').replace(/\s+/g, ''), 'hex');
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex');
const bodyOf = (item: Buffer) => item.subarray(4);

/** Maximum length and implementation class UID, as every user information has them. */
const base = `51 00 0004 00004000  52 00 0003 ${ascii('1.2')}`;
const plain = { maximumLength: 16384, implementationClassUid: '1.2', roleSelections: [] };

describe('user information (PS3.7 D.3.3)', () => {
  const requested: Array<[string, string, Partial<RequestedUserInformation>]> = [
    [
      '53H, asynchronous operations window',
      '53 00 0004 0008 0001',
      { asynchronousOperationsWindow: { invoked: 8, performed: 1 } },
    ],
    [
      '54H, roles',
      `54 00 0009 0005 ${ascii('1.2.3')} 00 01`,
      { roleSelections: [{ sopClassUid: '1.2.3', scu: false, scp: true }] },
    ],
    [
      '56H, SOP class extended negotiation',
      `56 00 000d 0005 ${ascii('1.2.3')} 020003000000`,
      { extendedNegotiations: [{ sopClassUid: '1.2.3', applicationInformation: hex('020003000000') }] },
    ],
    [
      '57H, SOP class common extended negotiation: its second byte is a version',
      `57 00 001c 0005 ${ascii('1.2.3')}  0005 ${ascii('1.2.4')}  000c 0004 ${ascii('1.50')} 0004 ${ascii('1.60')}`,
      {
        commonExtendedNegotiations: [
          {
            version: 0,
            sopClassUid: '1.2.3',
            serviceClassUid: '1.2.4',
            relatedGeneralSopClassUids: ['1.50', '1.60'],
          },
        ],
      },
    ],
    [
      '58H, user identity',
      `58 00 000e 02 01 0004 ${ascii('anna')} 0004 ${ascii('pass')}`,
      {
        userIdentity: {
          type: 2,
          positiveResponseRequested: true,
          primary: Buffer.from('anna'),
          secondary: Buffer.from('pass'),
        },
      },
    ],
  ];
  it.each(requested)('%s', (_what, bytes, meaning) => {
    const value = { ...plain, ...meaning };
    const body = hex(base + bytes);
    expect(decodeRequestedUserInformation(body)).toEqual(value);
    expect(bodyOf(encodeUserInformation(value)).toString('hex')).toBe(body.toString('hex'));
  });

  it('59H, user identity response, of an answer', () => {
    const value: AcceptedUserInformation = { ...plain, userIdentityResponse: Buffer.alloc(0) };
    const body = hex(`${base} 59 00 0002 0000`);
    expect(decodeAcceptedUserInformation(body)).toEqual(value);
    expect(bodyOf(encodeUserInformation(value))).toEqual(body);
  });

  it('ignores what has no place in the PDU: 59H in a request, 57H and 58H in an answer', () => {
    expect(decodeRequestedUserInformation(hex(`${base} 59 00 0002 0000`))).toEqual(plain);
    const inRequests = `57 00 0006 0000 0000 0000 58 00 0006 01 00 0000 0000`;
    expect(decodeAcceptedUserInformation(hex(base + inRequests))).toEqual(plain);
  });

  it('takes a common extended negotiation of a later version, with fields that we do not know', () => {
    const decoded = decodeRequestedUserInformation(hex('57 09 0009 0000 0000 0000 ffffff'));
    expect(decoded.commonExtendedNegotiations).toMatchObject([{ version: 9, relatedGeneralSopClassUids: [] }]);
  });

  it('keeps copies: the bytes that it was given are the socket’s', () => {
    const body = hex(`58 00 000a 01 00 0004 ${ascii('anna')} 0000  56 00 0004 0001 31 02`);
    const decoded = decodeRequestedUserInformation(body);
    body.fill(0);
    expect(decoded.userIdentity?.primary.toString()).toBe('anna');
    expect(decoded.extendedNegotiations?.[0]?.applicationInformation).toEqual(Buffer.from([2]));
  });

  const lies: Array<[string, string]> = [
    ['a window of three bytes', '53 00 0003 000100'],
    ['a role without its second byte', `54 00 0004 0001 31 01`],
    ['a role with a byte too many', `54 00 0006 0001 31 01 01 00`],
    ['a role whose UID is longer than the item', '54 00 0004 ffff 0101'],
    ['an extended negotiation of one byte', '56 00 0001 00'],
    ['an extended negotiation whose UID is longer than the item', '56 00 0004 0003 3132'],
    ['a common extended negotiation without a service class', `57 00 0003 0001 31`],
    ['a related class that is longer than the list of them', '57 00 0008 0000 0000 0002 0001'],
    ['a list of related classes that is longer than the item', '57 00 0006 0000 0000 0001'],
    ['a user identity of one byte', '58 00 0001 01'],
    ['a user identity without a secondary field', '58 00 0005 01 00 0001 41'],
    ['a user identity that is longer than its item', '58 00 0007 01 00 0004 41 0000'],
    ['a user identity with bytes behind it', '58 00 0007 01 00 0000 0000 41'],
    ['two user identities', '58 00 0006 01 00 0000 0000 58 00 0006 01 00 0000 0000'],
  ];
  it.each(lies)('refuses %s', (_what, bytes) => {
    expect(() => decodeRequestedUserInformation(hex(bytes))).toThrow(PduError);
  });
  it.each([
    ['longer than its item', '59 00 0002 0001'],
    ['shorter than its item', '59 00 0003 0000 41'],
  ])('refuses a user identity response that is %s', (_what, bytes) => {
    expect(() => decodeAcceptedUserInformation(hex(bytes))).toThrow(PduError);
  });

  it('never says more of a malformed user identity than that it is one: its text may be a passcode', () => {
    const secret = hex(`58 00 000a 02 00 0003 ${ascii('abc')} 0009 ${ascii('X')}`);
    expect(() => decodeRequestedUserInformation(secret)).toThrow(
      /^user identity: a field of 9 bytes where \d+ are left$/,
    );
  });

  const uid = fc.stringMatching(/^[0-9.]{1,64}$/);
  const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));
  const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });
  const optional: Record<string, fc.Arbitrary<unknown>> = {
    asynchronousOperationsWindow: fc.record({ invoked: fc.nat(0xffff), performed: fc.nat(0xffff) }),
    extendedNegotiations: some(fc.record({ sopClassUid: uid, applicationInformation: bytes })),
    commonExtendedNegotiations: some(
      fc.record({
        version: fc.nat(255),
        sopClassUid: uid,
        serviceClassUid: uid,
        relatedGeneralSopClassUids: fc.array(uid, { maxLength: 3 }),
      }),
    ),
    userIdentity: fc.record({
      type: fc.nat(255),
      positiveResponseRequested: fc.boolean(),
      primary: bytes,
      secondary: bytes,
    }),
  };
  const always = { maximumLength: fc.nat(), implementationClassUid: uid, roleSelections: fc.constant([]) };
  const anyRequested = fc.record(
    { ...always, ...optional },
    { requiredKeys: Object.keys(always) as never },
  ) as unknown as fc.Arbitrary<RequestedUserInformation>;

  it('gives any value back as it was', () => {
    fc.assert(
      fc.property(anyRequested, (value) => {
        expect(decodeRequestedUserInformation(bodyOf(encodeUserInformation(value)))).toEqual(value);
      }),
    );
  });

  it('throws nothing but PduError at items that were changed, cut off or grown', () => {
    const change = fc.record({ at: fc.nat(300), value: fc.nat(255), kind: fc.constantFrom('set', 'cut', 'insert') });
    fc.assert(
      fc.property(anyRequested, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
        let body: Buffer = Buffer.from(bodyOf(encodeUserInformation(value)));
        for (const { at, value: to, kind } of changes) {
          const where = at % (body.length + 1);
          if (kind === 'cut') body = body.subarray(0, where);
          else {
            const rest = body.subarray(kind === 'set' ? where + 1 : where);
            body = Buffer.concat([body.subarray(0, where), Buffer.from([to]), rest]);
          }
        }
        for (const decode of [decodeRequestedUserInformation, decodeAcceptedUserInformation]) {
          try {
            decode(body);
          } catch (error) {
            expect(error).toBeInstanceOf(PduError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
