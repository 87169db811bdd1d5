import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CommandSet,
  CommandSetError,
  decodeCommandSet,
  encodeCommandSet,
} from '../../../src/dicom/dimse/commandSet.ts';

const bytes = (text: string) => Buffer.from(text.replace(/#.*$/gm, '').replace(/\s+/g, ''), 'hex');

describe('command sets (PS3.7 annex E)', () => {
  it('are group length first, then ascending elements in Implicit VR Little Endian', () => {
    const encoded = encodeCommandSet({
      commandField: 0x8001,
      messageIdBeingRespondedTo: 7,
      affectedSopClassUid: '1.2.3',
      affectedSopInstanceUid: '1.2.3.4',
      commandDataSetType: 0x0101,
      status: 0xa700,
      errorComment: 'full',
    });
    expect(encoded.toString('hex')).toBe(
      bytes(`
        0000 0000 04000000 52000000             # group length: 82
        0000 0200 06000000 312e322e3300         # affected SOP class UID, padded with NUL
        0000 0001 02000000 0180                 # command field 8001H
        0000 2001 02000000 0700                 # message ID being responded to
        0000 0008 02000000 0101                 # no data set
        0000 0009 02000000 00a7                 # status A700H
        0000 0209 04000000 66756c6c             # error comment
        0000 0010 08000000 312e322e332e3400     # affected SOP instance UID
      `).toString('hex'),
    );
  });

  it('pads text to even length and cuts a comment to the 64 characters of LO', () => {
    const comment = 'x'.repeat(100);
    const decoded = decodeCommandSet(
      encodeCommandSet({ commandField: 1, commandDataSetType: 0, errorComment: comment }),
    );
    expect(decoded.errorComment).toBe('x'.repeat(64));
  });

  const u16 = fc.nat(0xffff);
  const command = fc.record(
    {
      commandField: u16,
      messageId: u16,
      messageIdBeingRespondedTo: u16,
      affectedSopClassUid: fc.stringMatching(/^[0-9.]{1,64}$/),
      affectedSopInstanceUid: fc.stringMatching(/^[0-9.]{1,64}$/),
      priority: u16,
      commandDataSetType: u16,
      status: u16,
      errorComment: fc.stringMatching(/^[a-z]{1,64}$/),
    },
    { requiredKeys: ['commandField', 'commandDataSetType'] },
  ) as fc.Arbitrary<CommandSet>;

  it('come back as they were', () => {
    fc.assert(
      fc.property(command, (value) => {
        expect(decodeCommandSet(encodeCommandSet(value))).toEqual(value);
      }),
    );
  });

  it('throw nothing but CommandSetError, whatever the bytes', () => {
    const damaged = fc
      .tuple(command, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), fc.nat(200))
      .map(([value, changes, cut]) => {
        const encoded = encodeCommandSet(value);
        for (const [at, to] of changes) encoded[at % encoded.length] = to;
        return encoded.subarray(0, cut);
      });
    const random = fc.uint8Array({ maxLength: 100 }).map((data) => Buffer.from(data));
    fc.assert(
      fc.property(fc.oneof(damaged, random), (encoded) => {
        try {
          expect(typeof decodeCommandSet(encoded).commandField).toBe('number');
        } catch (error) {
          if (!(error instanceof CommandSetError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an element of another group', '0800 1600 02000000 3100'],
    ['an element that is longer than the set', '0000 0200 ffffffff 3100'],
    ['half an element', '0000 0200 02'],
    ['a command field of four bytes', '0000 0001 04000000 01000000'],
    ['no command field', '0000 1001 02000000 0100'],
  ])('are refused with %s', (_what, hex) => {
    expect(() => decodeCommandSet(bytes(hex))).toThrow(CommandSetError);
  });

  it('keep a NUL or a path inside a UID, so that the check for a UID sees it', () => {
    const path = Buffer.from('../../x\0y.');
    const element = Buffer.concat([Buffer.from('000000100a000000', 'hex'), path]);
    const field = bytes('0000 0001 02000000 0100');
    expect(decodeCommandSet(Buffer.concat([field, element])).affectedSopInstanceUid).toBe('../../x\0y.');
  });
});
