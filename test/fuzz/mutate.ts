/** Changes a case a little: the script, the bytes, or the lengths that say what the bytes are. */
import { bytesOp, chunk, type FuzzCase, type Step, sizeOf } from './fuzzCase.ts';
import { lengthFields, replaceInside, writeLength } from './pduStructure.ts';
import type { Random } from './random.ts';

const u32Values = [
  2047, 2048, 2049, 4096, 4097, 0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 68, 0xff, 0x100, 0x3fff, 0x4000, 0x4001, 0xffff, 0x10000,
  0x7fffffff,
];
const interesting = [...u32Values, 0x80000000, 0xfffffffe, 0xffffffff];

/** What a decoder compares with: types, VRs, delimiters, UIDs, tags. */
const dictionary = [
  ...['04000000000801', '0500000000040000000', '0700000000040000', '02000000', '58000000', '51000004', '53000004'],
  ...[
    '54000000',
    '56000000',
    '57000000',
    'feff00e0ffffffff',
    'feff0de000000000',
    'feffdde000000000',
    'fffee000ffffffff',
  ],
  ...[
    '0800050053510000ffffffff',
    '1000200004000000',
    '0800180055490400',
    '20000d00',
    '20000e00',
    '00000001',
    '00000008',
  ],
  ...['53510000', '554e0000', '4f420000', '0000000004000000', '01010030', '00100100', '02100000'],
]
  .map((hex) => Buffer.from(hex, 'hex'))
  .concat(
    ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.1', '../../x', '\0', ' '].map((text) =>
      Buffer.from(text),
    ),
  );

export type MutationOptions = { operations: number; maxBytes: number; maxSteps: number };

/** A changed copy; `other` is a second case to take from. */
export function mutate(original: FuzzCase, other: FuzzCase, random: Random, options: MutationOptions): FuzzCase {
  let changed: FuzzCase = { seed: original.seed, steps: [...original.steps] };
  for (let rounds = random.between(1, 4); rounds > 0; rounds--) {
    changed = random.oneIn(3) ? changeScript(changed, other, random, options) : changeStep(changed, random);
  }
  if (random.oneIn(8)) changed.seed = random.u32();
  changed.steps.splice(options.maxSteps);
  while (sizeOf(changed) > options.maxBytes) changed.steps.pop();
  return changed;
}

function changeScript(before: FuzzCase, other: FuzzCase, random: Random, options: MutationOptions): FuzzCase {
  const steps = [...before.steps];
  const at = random.below(steps.length + 1);
  const step = steps[at];
  switch (random.below(7)) {
    case 0:
      steps.splice(at, random.between(1, 3));
      break;
    case 1:
      if (step) steps.splice(random.below(steps.length + 1), 0, step);
      break;
    case 2:
      if (step) steps.splice(random.below(steps.length), 0, ...steps.splice(at, 1));
      break;
    case 3:
      return {
        seed: before.seed,
        steps: [...steps.slice(0, at), ...other.steps.slice(random.below(other.steps.length))],
      };
    case 4:
      steps.splice(at, 0, ...other.steps.slice(random.below(other.steps.length)).slice(0, 2));
      break;
    case 5:
      if (step?.op === bytesOp && step.data.length > 1) {
        const cut = random.between(1, step.data.length - 1);
        steps.splice(at, 1, chunk(step.data.subarray(0, cut)), chunk(step.data.subarray(cut)));
      }
      break;
    default:
      if (options.operations > 0) steps.splice(at, 0, randomOperation(random, options.operations));
  }
  return { seed: before.seed, steps };
}

export const randomOperation = (random: Random, operations: number): Step => ({
  op: random.between(1, operations),
  data: random.bytes(random.below(4)),
});

function changeStep(before: FuzzCase, random: Random): FuzzCase {
  const steps = [...before.steps];
  const at = random.below(steps.length);
  const step = steps[at];
  if (step) steps[at] = { op: step.op, data: changeBytes(step.data, random) };
  return { seed: before.seed, steps };
}

/** Never changes `before` itself: cases share their steps' data. */
export function changeBytes(before: Buffer, random: Random): Buffer {
  if (before.length === 0) return random.bytes(random.between(1, 8));
  const bytes = Buffer.from(before);
  const at = random.below(bytes.length);
  const end = Math.min(bytes.length, at + random.between(1, 16));
  switch (random.below(9)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = random.pick(interesting) & 0xff;
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), random.pick(dictionary), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 5:
      return putNumber(bytes, at, random);
    case 6:
      return bytes.subarray(0, at);
    case 7:
      return lie(bytes, random);
    default:
      return changeInside(bytes, random);
  }
}

/** A number of two or four bytes, in either order: one that decoders stumble over, or nearly the bytes that are left. */
function putNumber(bytes: Buffer, at: number, random: Random): Buffer {
  const width = random.pick([2, 4]);
  if (at + width > bytes.length) return bytes;
  const left = bytes.length - at - width + random.between(-2, 2);
  const value = random.oneIn(3) ? Math.max(0, left) : random.pick(interesting);
  const fitting = width === 2 ? value & 0xffff : value;
  if (random.oneIn(2)) bytes.writeUIntBE(fitting, at, width);
  else bytes.writeUIntLE(fitting, at, width);
  return bytes;
}

/** One length field of a PDU, an item or a value that is not true any more. */
function lie(bytes: Buffer, random: Random): Buffer {
  const fields = lengthFields(bytes);
  if (fields.length === 0) return bytes;
  const field = random.pick(fields);
  const truth = field.end - field.start;
  writeLength(bytes, field, random.oneIn(2) ? Math.max(0, truth + random.between(-2, 2)) : random.pick(interesting));
  return bytes;
}

/** Something else inside an item or a value, and all lengths true: what comes behind the length checks. */
function changeInside(bytes: Buffer, random: Random): Buffer {
  const fields = lengthFields(bytes);
  if (fields.length === 0) return bytes;
  const { start, end } = random.pick(fields);
  const from = random.between(start, end);
  const to = Math.min(end, from + random.below(8));
  const by = random.oneIn(3)
    ? Buffer.alloc(0)
    : random.oneIn(2)
      ? random.pick(dictionary)
      : random.bytes(random.below(20));
  return replaceInside(bytes, from, to, by);
}
