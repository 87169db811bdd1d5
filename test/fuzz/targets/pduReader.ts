/** Frames and PDUs: PduReader, decodePdu, encodePdu. */
import { decodePdu, encodePdu, type Pdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { abortReason, PduError } from '../../../src/dicom/upperLayer/pduError.ts';
import { type PduHandler, PduReader } from '../../../src/dicom/upperLayer/pduReader.ts';
import { bytesAllocated } from '../allocations.ts';
import { feed, randomCuts } from '../cuts.ts';
import { bytesOp, chunk, type FuzzCase, streamOf } from '../fuzzCase.ts';
import { associateAc, associateRq, conversation } from '../generate.ts';
import { Random } from '../random.ts';
import { type Frame, referenceFrames } from '../referenceFrames.ts';
import { conversations } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

const limits = { associatePduLength: 4096, maximumLength: 2048 };
const reasons: number[] = Object.values(abortReason);

/** What a reader makes of the pieces, with the cuts inside values taken out. */
function read(Reader: typeof PduReader, pieces: Iterable<Buffer>) {
  const trace: string[] = [];
  const pdus: Pdu[] = [];
  let open = '';
  let calls = 0;
  const handler: PduHandler = {
    onPdu: (pdu) => {
      calls++;
      pdus.push(pdu);
      trace.push(JSON.stringify(pdu));
    },
    onPData: () => {
      calls++;
      trace.push('P-DATA-TF');
    },
    onPdv: (id, control, bytes, ends) => {
      calls++;
      open = `${open || `${id} ${control} `}${bytes.toString('hex')}`;
      if (!ends) return;
      trace.push(open);
      open = '';
    },
  };
  const reader = new Reader(limits, handler);
  try {
    feed(pieces, (piece) => reader.push(piece));
    if (open) trace.push(`${open} unfinished`);
  } catch (error) {
    if (!(error instanceof PduError)) throw error;
    hold(reasons.includes(error.reason), `a reason of PS3.8 table 9-26, not ${error.reason}`);
    hold(/^[\x20-\x7e]{1,200}$/.test(error.message), 'the message can be logged');
    trace.push(`error ${error.reason}`);
  }
  return { trace, pdus, calls };
}

/** What it should be, from the reference. */
const expected = (bytes: Buffer): string[] => referenceFrames(bytes, limits).flatMap(lineOf);

function lineOf(frame: Frame): string[] {
  if (frame.kind === 'pdu') return [JSON.stringify(frame.pdu)];
  if (frame.kind === 'p-data') return ['P-DATA-TF'];
  if (frame.kind === 'error') return [`error ${frame.reason}`];
  const text = `${frame.contextId} ${frame.control} ${frame.data.toString('hex')}`;
  if (frame.whole) return [text];
  // Of a value of which nothing has come, nothing is known yet.
  return frame.data.length > 0 ? [`${text} unfinished`] : [];
}

/** Every item and sub-item of what the decoder took ends where its length says, the last one where the PDU ends. */
function checkItems(bytes: Buffer, contexts: boolean): void {
  let at = 0;
  while (at < bytes.length) {
    hold(at + 4 <= bytes.length, 'an item has a header');
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    hold(end <= bytes.length, 'an item ends inside what holds it');
    const type = bytes.readUInt8(at);
    if (contexts && type === 0x50) checkItems(bytes.subarray(at + 4, end), false);
    if (contexts && type === 0x20) checkItems(bytes.subarray(at + 8, end), false);
    at = end;
  }
}

/** What comes out of the decoder goes in again and comes out the same, but for what the encoder has to cut. */
function checkRoundTrip(pdu: Pdu): void {
  const named = 'userInformation' in pdu && (pdu.userInformation.implementationVersionName?.length ?? 0) > 16;
  if (named) return;
  const encoded = encodePdu(pdu);
  same(encoded.readUInt32BE(2), encoded.length - 6, 'an encoded PDU says how long it is');
  same(decodePdu(encoded.readUInt8(0), encoded.subarray(6)), pdu, 'decode(encode(x)) is x');
}

/** `Reader` may be another, broken one: to see that the fuzzer would notice. */
export function pduReaderTarget(Reader: typeof PduReader = PduReader): Target {
  return {
    name: 'pdu',
    operations: 0,
    weight: 4,
    maxBytes: 6000,
    seeds: () => conversations().map((stream, i) => ({ seed: i, steps: [chunk(stream.subarray(0, 5000))] })),
    generate: (random) => ({
      seed: random.u32(),
      steps: (random.oneIn(3) ? [random.pick([associateRq, associateAc])(random)] : conversation(random)).map(chunk),
    }),
    run(fuzzCase: FuzzCase, observe: Observe) {
      const bytes = streamOf(fuzzCase);
      const whole = read(Reader, [bytes]);
      same(whole.trace, expected(bytes), 'the same as the reference reader');
      const asSent = fuzzCase.steps.filter((step) => step.op === bytesOp).map((step) => step.data);
      const cuts = randomCuts(bytes, new Random(fuzzCase.seed));
      for (const pieces of [asSent, cuts]) {
        let got = whole;
        const allocated = bytesAllocated(() => {
          got = read(Reader, pieces);
        });
        same(got.trace, whole.trace, 'independent of how the bytes are cut');
        // One call for a piece of a value, one more for each thing of at least six bytes.
        hold(got.calls <= pieces.length + bytes.length / 6, 'work bounded by what came');
        const rule = `memory bounded by what came: ${allocated} bytes for ${bytes.length}`;
        hold(allocated <= 1024 + 60 * bytes.length, rule);
      }
      for (const pdu of whole.pdus) checkRoundTrip(pdu);
      if (bytes[0] === 1 && whole.pdus[0]?.type === 'associate-rq')
        checkItems(bytes.subarray(6 + 68, 6 + bytes.readUInt32BE(2)), true);
      const kinds = whole.trace.map((line) => line.slice(0, 22).replace(/[0-9]+ [0-9]+ .*/, 'value'));
      for (const [i, kind] of kinds.entries()) observe(`${kinds[i - 1]} ${kind}`);
      for (const pdu of whole.pdus) if ('userInformation' in pdu) observe(Object.keys(pdu.userInformation).join());
    },
  };
}
