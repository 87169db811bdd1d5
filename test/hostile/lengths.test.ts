/**
 * Lengths that lie, at every level: PDU, item, sub-item, presentation data value, command element. Each is taken from a
 * message that is right in everything else. A PDU that is too short or whose contents do not fit is answered at once; one
 * that promises more than it sends is waited for, until ARTIM or the idle time-out ends it.
 */
import { describe, expect, it } from 'vitest';
import { encodePdu } from '../../src/dicom/upperLayer/pdu.ts';
import { lengthFields, writeLength } from '../fuzz/pduStructure.ts';
import { dataSet } from '../support/dataSets.ts';
import { associateRq, dataPdus, echoRq, storeCommand } from '../support/rawPeer.ts';
import { answersUntilClosed, honest, hostileSite, secretPatient } from './hostileSite.ts';

const site = hostileSite({ limits: { artimMs: 150 } });

/** Named by the way to it, of the request that RawPeer sends: application context, two contexts, user information. */
const fieldNames = [
  'PDU',
  'application context',
  'presentation context 1',
  'its abstract syntax',
  'its transfer syntax',
  'presentation context 3',
  'its abstract syntax (3)',
  'its transfer syntax (3)',
  'user information',
  'maximum length',
  'implementation class UID',
  'role selection',
  'the UID in the role selection',
];
const lies = ['0', 'all ones', 'one too short', 'one too long'] as const;
type Lie = (typeof lies)[number];

const rq = encodePdu(
  associateRq({
    userInformation: {
      maximumLength: 16384,
      implementationClassUid: '1.2.3',
      roleSelections: [{ sopClassUid: '1.2.840.10008.5.1.4.1.1.7', scu: true, scp: false }],
    },
  }),
);

function lied(bytes: Buffer, index: number, lie: Lie): Buffer {
  const changed = Buffer.from(bytes);
  const field = lengthFields(changed)[index];
  if (field === undefined) throw new Error(`no length field ${index}`);
  const truth = field.end - field.start;
  const told = { '0': 0, 'all ones': 0xffffffff, 'one too short': truth - 1, 'one too long': truth + 1 }[lie];
  writeLength(changed, field, told);
  return changed;
}

describe('A-ASSOCIATE-RQ', () => {
  it('has the fields that are lied about here', () => {
    expect(lengthFields(rq)).toHaveLength(fieldNames.length);
  });

  describe.each(fieldNames.map((name, index) => ({ name, index })))('$name', ({ name, index }) => {
    it.each(lies)('%s', async (lie) => {
      const peer = await site.connected();
      peer.send(lied(rq, index, lie));
      // The sub-items of an empty user information stand where items are: not known there, and so ignored (PS3.8 9.3.1).
      if (name === 'user information' && lie === '0') return expect(await peer.answer()).toBe('AC');
      const waitsForMore = name === 'PDU' && lie === 'one too long';
      expect(await answersUntilClosed(peer)).toEqual(waitsForMore ? [] : ['ABORT 0/0']);
    });
  });
});

/** A C-ECHO whose command comes in two values of one P-DATA-TF. */
function twoValues(): Buffer {
  const command = echoRq().subarray(12);
  const value = (control: number, piece: Buffer) => {
    const head = Buffer.from([0, 0, 0, piece.length + 2, 1, control]);
    return Buffer.concat([head, piece]);
  };
  const body = Buffer.concat([value(1, command.subarray(0, 31)), value(3, command.subarray(31))]);
  return Buffer.concat([Buffer.from([4, 0, 0, 0, 0, body.length]), body]);
}

describe('P-DATA-TF', () => {
  it('of two values is understood when its lengths are true', async () => {
    const peer = await site.associated();
    peer.send(twoValues());
    expect(await peer.answer()).toBe('status 0000 to 1');
  });

  describe.each(['PDU', 'first value', 'second value'].map((name, index) => ({ name, index })))(
    '$name',
    ({ index }) => {
      it.each(lies)('%s', async (lie) => {
        const peer = await site.associated();
        peer.send(lied(twoValues(), index, lie));
        expect(await answersUntilClosed(peer)).toEqual(['ABORT 2/6']);
      });
    },
  );
});

/** Where the lengths of the command's elements are, in storeCommand()'s bytes: 12 of PDU and value headers come before. */
function elementLengths(pdu: Buffer): number[] {
  const at: number[] = [];
  for (let offset = 12; offset + 8 <= pdu.length; offset += 8 + pdu.readUInt32LE(offset + 4)) at.push(offset + 4);
  return at;
}

describe('C-STORE command', () => {
  const elements = ['group length', 'class', 'command field', 'message ID', 'priority', 'data set type', 'instance'];
  const instance = dataSet('explicit', { patientId: secretPatient });

  it('has the elements that are lied about here', () => {
    expect(elementLengths(storeCommand())).toHaveLength(elements.length);
  });

  describe.each(elements.map((name, index) => ({ name, index })))('$name', ({ index }) => {
    it.each(lies)('%s', async (lie) => {
      const command = storeCommand();
      const at = elementLengths(command)[index] ?? 0;
      const truth = command.readUInt32LE(at);
      command.writeUInt32LE(
        { '0': 0, 'all ones': 0xffffffff, 'one too short': truth - 1, 'one too long': truth + 1 }[lie],
        at,
      );
      const stored = site.hostileResults().length;
      const peer = await site.associated();
      peer.send(command, dataPdus(instance));
      expect(await answersUntilClosed(peer)).toEqual(['ABORT 2/6']);
      expect(site.hostileResults()).toHaveLength(stored);
    });
  });

  it.each([0, 1, 0xffffffff])('a group length of %i is not believed: elements say how long they are', async (told) => {
    const command = storeCommand();
    command.writeUInt32LE(told, 12 + 8);
    const peer = await site.associated();
    peer.send(command, dataPdus(instance));
    expect(await peer.answer()).toBe('status 0000 to 1');
  });
});

describe('a data set that is shorter than its elements say', () => {
  it.each([
    ['a value of 4 GB', '1000 2000 4c4f 0000 feffffff'],
    ['a sequence of undefined length that never ends', '0800 4011 5351 0000 ffffffff feff00e0 ffffffff'],
    ['a header cut off', '1000 20'],
  ])('%s is kept as it is: reception does not parse', async (_what, hex) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const peer = await site.associated();
    peer.send(storeCommand(), dataPdus(bytes));
    expect(await peer.answer()).toBe('status 0000 to 1');
    expect(site.intake.stored.findLast((one) => one.header.peer !== honest)?.dataSet).toEqual(bytes);
  });
});
