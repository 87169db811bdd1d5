import { describe, expect, it } from 'vitest';
import { commandField, encodeCommandSet, noDataSet } from '../../../src/dicom/dimse/commandSet.ts';
import { MessageReader } from '../../../src/dicom/dimse/messageReader.ts';
import { encodePData, payloadPerPdu } from '../../../src/dicom/dimse/pdvWriter.ts';
import { PduReader } from '../../../src/dicom/upperLayer/pduReader.ts';

const isCommand = 1;
const isLast = 2;
const echoRq = encodeCommandSet({ commandField: commandField.cEchoRq, messageId: 1, commandDataSetType: noDataSet });
const storeRq = encodeCommandSet({ commandField: commandField.cStoreRq, messageId: 2, commandDataSetType: 0 });

function reader() {
  const seen: string[] = [];
  const messages = new MessageReader({
    onCommand: (id, command, hasDataSet) => void seen.push(`command ${id} ${command.commandField} ${hasDataSet}`),
    onDataSet: (bytes, last) => void seen.push(`data ${bytes.toString('latin1')}${last ? ' last' : ''}`),
    onViolation: (message, reason) => void seen.push(`violation ${reason}: ${message}`),
  });
  return { seen, messages };
}

describe('MessageReader', () => {
  it('puts a command together from fragments and passes data on as it comes', () => {
    const { seen, messages } = reader();
    messages.onPdv(3, isCommand, storeRq.subarray(0, 10), false); // half of a fragment
    messages.onPdv(3, isCommand, storeRq.subarray(10, 20), true);
    expect(messages.inMessage).toBe(true);
    messages.onPdv(3, isCommand | isLast, storeRq.subarray(20), true);
    messages.onPdv(3, 0, Buffer.from('one'), true);
    messages.onPdv(3, isLast, Buffer.from('two'), false); // the last fragment, but not its last bytes
    messages.onPdv(3, isLast, Buffer.from('three'), true);
    expect(messages.inMessage).toBe(false);
    messages.onPdv(1, isCommand | isLast, echoRq, true);
    expect(seen).toEqual(['command 3 1 true', 'data one', 'data two', 'data three last', 'command 1 48 false']);
  });

  it('takes fragments of zero bytes, and an empty data set', () => {
    const { seen, messages } = reader();
    messages.onPdv(3, isCommand, Buffer.alloc(0), true);
    messages.onPdv(3, isCommand, storeRq, true);
    messages.onPdv(3, isCommand | isLast, Buffer.alloc(0), true);
    messages.onPdv(3, isLast, Buffer.alloc(0), true);
    expect(seen).toEqual(['command 3 1 true', 'data  last']);
  });

  it('keeps nothing of empty fragments: a peer may send them for ever', () => {
    const { messages } = reader();
    const before = process.memoryUsage().heapUsed;
    const empty = Buffer.alloc(0);
    for (let i = 0; i < 1_000_000; i++) messages.onPdv(3, isCommand, empty, true);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1024 * 1024);
    expect(messages.inMessage).toBe(false);
  });

  it('takes little more than the bytes of a command that comes a byte at a time', () => {
    const { messages } = reader();
    const piece = Buffer.from([1]);
    const before = process.memoryUsage();
    for (let i = 0; i < 60_000; i++) messages.onPdv(3, isCommand, piece, true);
    const after = process.memoryUsage();
    const grown = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
    expect(messages.inMessage).toBe(true);
    expect(grown).toBeLessThan(2 * 1024 * 1024);
  });

  type Step = [contextId: number, control: number, bytes: Buffer];
  const data = Buffer.from('data');
  const violations: Array<[string, Step[]]> = [
    ['data without a command', [[1, isLast, data]]],
    [
      'data after a command that announced none',
      [
        [1, isCommand | isLast, echoRq],
        [1, isLast, data],
      ],
    ],
    [
      'a command in the middle of a data set',
      [
        [1, isCommand | isLast, storeRq],
        [1, 0, data],
        [1, isCommand, echoRq],
      ],
    ],
    [
      'a command on two contexts',
      [
        [1, isCommand, storeRq],
        [3, isCommand | isLast, storeRq],
      ],
    ],
    [
      'data on another context than its command',
      [
        [1, isCommand | isLast, storeRq],
        [3, isLast, data],
      ],
    ],
    ['a command that is no command set', [[1, isCommand | isLast, Buffer.from('nonsense')]]],
    ['an empty command', [[1, isCommand | isLast, Buffer.alloc(0)]]],
    [
      'an endless command',
      [
        [1, isCommand, Buffer.alloc(40_000)],
        [1, isCommand, Buffer.alloc(40_000)],
      ],
    ],
  ];
  it.each(violations)('reports %s once, and nothing after it', (_what, steps) => {
    const { seen, messages } = reader();
    for (const [id, control, bytes] of steps) messages.onPdv(id, control, bytes, true);
    messages.onPdv(1, isCommand | isLast, echoRq, true);
    const reported = seen.filter((line) => line.startsWith('violation'));
    expect(reported).toHaveLength(1);
    expect(seen[seen.length - 1]).toBe(reported[0]);
  });
});

describe('pdvWriter', () => {
  it.each([0, 8, 100, 4096, 16384, 1 << 20])(
    'cuts for a peer that takes %i bytes, and what is cut reads back',
    (maximum) => {
      const payload = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 0xff));
      const encoded = encodePData(5, payload, 'data-set', maximum);
      const parts: Buffer[] = [];
      let lasts = 0;
      const limit = maximum === 0 ? 0xffffffff : maximum;
      const pdus = new PduReader(
        { associatePduLength: 0, maximumLength: limit },
        {
          onPdu: () => expect.unreachable(),
          onPData: () => {},
          onPdv: (id, control, bytes, ends) => {
            expect(id).toBe(5);
            parts.push(Buffer.from(bytes));
            if (ends && (control & isLast) !== 0) lasts++;
          },
        },
      );
      pdus.push(encoded);
      expect(Buffer.concat(parts)).toEqual(payload);
      expect(lasts).toBe(1);
      expect(payloadPerPdu(maximum) % 2).toBe(0);
    },
  );
});
