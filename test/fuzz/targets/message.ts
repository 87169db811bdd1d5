/** DIMSE messages from presentation data values: MessageReader, decodeCommandSet, encodeCommandSet. */
import {
  type CommandSet,
  CommandSetError,
  decodeCommandSet,
  encodeCommandSet,
} from '../../../src/dicom/dimse/commandSet.ts';
import { MessageReader } from '../../../src/dicom/dimse/messageReader.ts';
import { abortReason } from '../../../src/dicom/upperLayer/pduError.ts';
import { bytesAllocated } from '../allocations.ts';
import { feed, randomCuts } from '../cuts.ts';
import type { FuzzCase, Step } from '../fuzzCase.ts';
import { message } from '../generate.ts';
import { Random } from '../random.ts';
import { referenceFrames } from '../referenceFrames.ts';
import { conversations } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

/** A step is one presentation data value: context ID, control header, fragment. */
type Value = { contextId: number; control: number; data: Buffer };
const toValue = ({ data }: Step): Value => ({ contextId: data[0] ?? 0, control: data[1] ?? 0, data: data.subarray(2) });

const stepsOf = (pduStream: Buffer): Step[] =>
  referenceFrames(pduStream, { associatePduLength: 1 << 20, maximumLength: 1 << 20 })
    .filter((frame) => frame.kind === 'pdv')
    .map(({ contextId, control, data }) => ({ op: 0, data: Buffer.concat([Buffer.from([contextId, control]), data]) }));

type Reader = Pick<MessageReader, 'onPdv' | 'inMessage'>;
type Trace = { lines: string[]; commands: CommandSet[] };

function read(Reader: typeof MessageReader, deliver: (reader: Reader) => void): Trace {
  const trace: Trace = { lines: [], commands: [] };
  let open = '';
  const reader = new Reader({
    onCommand: (id, command, hasDataSet) => {
      trace.commands.push(command);
      trace.lines.push(`command ${id} ${JSON.stringify(command)} ${hasDataSet}`);
    },
    onDataSet: (bytes, last) => {
      open += bytes.toString('hex');
      if (!last) return;
      trace.lines.push(`data ${open}`);
      open = '';
    },
    onViolation: (text, reason) => {
      hold(
        reason === abortReason.invalidParameterValue && /^[\x20-\x7e]{1,200}$/.test(text),
        'a violation to be logged',
      );
      if (open) trace.lines.push(`data ${open} unfinished`);
      open = '';
      trace.lines.push('violation');
    },
  });
  deliver(reader);
  if (open) trace.lines.push(`data ${open} unfinished`);
  return trace;
}

function deliverWhole(values: Value[]) {
  return (reader: Reader) => {
    for (const { contextId, control, data } of values) {
      feed([data], (piece) => reader.onPdv(contextId, control, piece, true));
    }
  };
}

function deliverCut(values: Value[], random: Random) {
  return (reader: Reader) => {
    for (const { contextId, control, data } of values) {
      const pieces = randomCuts(data, random);
      if (pieces.length === 0) pieces.push(data);
      let left = pieces.length;
      feed(pieces, (piece) => reader.onPdv(contextId, control, piece, --left === 0));
    }
  };
}

function checkCommandSet(bytes: Buffer, observe: Observe): void {
  let command: CommandSet;
  try {
    command = decodeCommandSet(bytes);
  } catch (error) {
    if (!(error instanceof CommandSetError)) throw error;
    observe(`not a command: ${error.message.replace(/[0-9a-f]{2,}|[0-9]/g, '#')}`);
    return;
  }
  if ((command.errorComment?.length ?? 0) > 64) return; // the encoder cuts it
  const again = decodeCommandSet(encodeCommandSet(command));
  same(again, command, 'decode(encode(x)) is x');
}

export function messageTarget(Reader: typeof MessageReader = MessageReader): Target {
  return {
    name: 'message',
    operations: 0,
    weight: 3,
    maxBytes: 8000,
    seeds: () => conversations().map((stream, i) => ({ seed: i, steps: stepsOf(stream).slice(0, 20) })),
    generate: (random) => ({
      seed: random.u32(),
      steps: Array.from({ length: random.between(1, 4) }, () => stepsOf(message(random))).flat(),
    }),
    run(fuzzCase: FuzzCase, observe: Observe) {
      const values = fuzzCase.steps.map(toValue);
      const whole = read(Reader, deliverWhole(values));
      const cut = read(Reader, deliverCut(values, new Random(fuzzCase.seed)));
      same(cut.lines, whole.lines, 'independent of how the bytes are cut');
      const violation = whole.lines.indexOf('violation');
      hold(violation < 0 || violation === whole.lines.length - 1, 'nothing comes after a violation');
      hold(whole.lines.length <= values.length + 2, 'work bounded by what came');
      for (const { data } of values.slice(0, 4)) checkCommandSet(data, observe);

      const reader = new Reader({ onCommand: () => {}, onDataSet: () => {}, onViolation: () => {} });
      const received = values.reduce((sum, { data }) => sum + data.length, 0);
      const allocated = bytesAllocated(() => deliverCut(values, new Random(fuzzCase.seed))(reader));
      const rule = `memory bounded by what came: ${allocated} bytes for ${received}`;
      hold(allocated <= 8192 + 8 * received + 400 * whole.commands.length, rule);
      const kinds = whole.lines.map((line) => line.split(' ', 1)[0]);
      for (const [i, kind] of kinds.entries()) observe(`${kinds[i - 1]} ${kind}`);
      for (const command of whole.commands) for (const name of Object.keys(command)) observe(name);
    },
  };
}
