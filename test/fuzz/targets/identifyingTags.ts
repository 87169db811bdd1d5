/** Data sets as they stream past: IdentifyingTagScanner, in every transfer syntax. */
import { deflateRawSync } from 'node:zlib';
import { IdentifyingTagScanner } from '../../../src/dicom/dataSet/identifyingTags.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { transferSyntaxOf } from '../../support/dataSets.ts';
import { bytesAllocated } from '../allocations.ts';
import { feed, randomCuts } from '../cuts.ts';
import { bytesOp, chunk, type FuzzCase, streamOf } from '../fuzzCase.ts';
import { encodings, wellFormedDataSet } from '../generate.ts';
import { Random } from '../random.ts';
import { dataSetSeeds } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

const deflated = uid.deflatedExplicitVrLittleEndian;
const transferSyntaxes = [...encodings.map((encoding) => transferSyntaxOf[encoding]), deflated];
const syntaxOf = (seed: number) => transferSyntaxes[seed % transferSyntaxes.length] ?? deflated;
/** A seed that stands for the transfer syntax; compressed ones are Explicit VR Little Endian as far as this goes. */
function seedFor(transferSyntax: string, random: Random): number {
  const index = transferSyntaxes.indexOf(transferSyntax);
  return Math.floor(random.u32() / 8) * 4 + (index < 0 ? transferSyntaxes.indexOf(uid.explicitVrLittleEndian) : index);
}

/** Of a deflated data set only the head is looked at; inflating takes this much at most, for each of three tries. */
const inflating = 3 * 6 * 1024 * 1024;

function scan(Scanner: typeof IdentifyingTagScanner, transferSyntax: string, pieces: Iterable<Buffer>) {
  const scanner = new Scanner(transferSyntax);
  let doneAt = false;
  feed(pieces, (piece) => {
    scanner.push(piece);
    hold(!doneAt || scanner.done, 'what is done stays done');
    doneAt = scanner.done;
  });
  return scanner.end();
}

const wellFormedOp = 1;

export function identifyingTagsTarget(Scanner: typeof IdentifyingTagScanner = IdentifyingTagScanner): Target {
  return {
    name: 'dataset',
    operations: 1,
    weight: 4,
    maxBytes: 4000,
    seeds: () => {
      const random = new Random(1);
      const real = dataSetSeeds().map(({ transferSyntaxUid, head }) => ({
        seed: seedFor(transferSyntaxUid, random),
        steps: [chunk(head)],
      }));
      return [...real, ...Array.from({ length: 40 }, () => generate(random))];
    },
    generate,
    run(fuzzCase: FuzzCase, observe: Observe) {
      const transferSyntax = syntaxOf(fuzzCase.seed);
      const bytes = streamOf(fuzzCase);
      const whole = scan(Scanner, transferSyntax, [bytes]);
      const asSent = fuzzCase.steps.filter((step) => step.op === bytesOp).map((step) => step.data);
      const random = new Random(fuzzCase.seed);
      for (const pieces of [asSent, randomCuts(bytes, random)]) {
        same(scan(Scanner, transferSyntax, pieces), whole, 'independent of how the bytes are cut');
      }
      for (const [name, value] of Object.entries(whole)) {
        hold(typeof value === 'string' && value.length <= 256, `${name} is a short text`);
        hold(!/^\s|[\0 ]$/.test(value), `${name} has no padding`);
        hold(name !== 'problem' || /^[\x20-\x7e]+$/.test(value), 'a problem can be logged');
      }
      const pieces = randomCuts(bytes, random);
      const scanner = new Scanner(transferSyntax);
      const allocated = bytesAllocated(() => {
        for (const piece of pieces) scanner.push(piece);
        scanner.end();
      });
      // Each piece may make it copy a header or a value that is not whole yet, 256 bytes at most.
      const bound = 8192 + 800 * (pieces.length + bytes.length / 8);
      if (transferSyntax !== deflated)
        hold(allocated <= bound, `memory bounded: ${allocated} bytes for ${bytes.length}`);
      else hold(allocated <= inflating + pieces.length * (16 * 1024 + 200), 'memory bounded while inflating');
      if (fuzzCase.steps.some((step) => step.op === wellFormedOp)) checkWellFormed(Scanner, fuzzCase.seed);
      observe(`${transferSyntax} ${Object.keys(whole).join()} ${whole.problem}`);
    },
  };
}

/** What is well-formed is understood, whatever is nested in it. */
function checkWellFormed(Scanner: typeof IdentifyingTagScanner, seed: number): void {
  const random = new Random(seed);
  const encoding = random.pick(encodings);
  const { bytes, identity } = wellFormedDataSet(random, encoding);
  const found = scan(Scanner, transferSyntaxOf[encoding], randomCuts(bytes, random));
  same(Object.entries(found).sort(), Object.entries(identity).sort(), 'a well-formed data set is understood');
  if (encoding !== 'explicit') return;
  const again = scan(Scanner, deflated, randomCuts(deflateRawSync(bytes), random));
  same(Object.entries(again).sort(), Object.entries(identity).sort(), 'deflated as well');
}

function generate(random: Random): FuzzCase {
  const encoding = random.pick(encodings);
  const { bytes } = wellFormedDataSet(random, encoding);
  if (encoding === 'explicit' && random.oneIn(2)) {
    return { seed: seedFor(deflated, random), steps: [chunk(deflateRawSync(bytes))] };
  }
  const steps = [chunk(bytes)];
  if (random.oneIn(2)) steps.push({ op: wellFormedOp, data: Buffer.alloc(0) });
  return { seed: seedFor(transferSyntaxOf[encoding], random), steps };
}
