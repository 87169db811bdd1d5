/** The data sets of storage commitment: what peers send with N-ACTION and N-EVENT-REPORT, read whole. */
import {
  type CommitmentReport,
  type CommitmentRequest,
  decodeCommitmentReport,
  decodeCommitmentRequest,
  encodeCommitmentReport,
  encodeCommitmentRequest,
} from '../../../src/dicom/dataSet/commitmentDataSets.ts';
import { DataSetError } from '../../../src/dicom/dataSet/smallDataSet.ts';
import { transferSyntaxOf } from '../../support/dataSets.ts';
import { bytesAllocated } from '../allocations.ts';
import { chunk, type FuzzCase, streamOf } from '../fuzzCase.ts';
import { commitmentReport, commitmentRequest, wellFormedDataSet } from '../generate.ts';
import { Random } from '../random.ts';
import { dataSetSeeds } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

const maxReferences = 6;
const syntaxes = [transferSyntaxOf.implicit, transferSyntaxOf.explicit] as const;
/** Bit 0 of the seed: the transfer syntax; bit 1: request or report. */
const syntaxOf = (seed: number) => syntaxes[seed & 1] ?? transferSyntaxOf.explicit;
const isReport = (seed: number) => (seed & 2) !== 0;

const decode = (bytes: Buffer, seed: number): CommitmentRequest | CommitmentReport =>
  (isReport(seed) ? decodeCommitmentReport : decodeCommitmentRequest)(bytes, syntaxOf(seed), { maxReferences });

const encode = (value: CommitmentRequest | CommitmentReport, transferSyntax: string): Buffer =>
  'references' in value
    ? encodeCommitmentRequest(value, transferSyntax)
    : encodeCommitmentReport(value, transferSyntax);

function readingOf(bytes: Buffer, seed: number, observe: Observe) {
  try {
    return decode(bytes, seed);
  } catch (error) {
    if (!(error instanceof DataSetError)) throw error;
    hold(/^[\x20-\x7e]{1,150}$/.test(error.message), 'what is wrong can be logged');
    hold(!error.message.includes('SECRET'), 'no values in what is wrong');
    observe(`${error.problem} ${error.message.replace(/[0-9a-f]{4}/g, '#')}`);
    return undefined;
  }
}

export function commitmentTarget(): Target {
  return {
    name: 'commitment',
    operations: 0,
    weight: 2,
    maxBytes: 3000,
    seeds: () => {
      const random = new Random(9);
      const real = dataSetSeeds().map(({ head, transferSyntaxUid }) => ({
        seed: transferSyntaxUid === transferSyntaxOf.implicit ? 0 : 1,
        steps: [chunk(head)],
      }));
      return [...real, ...Array.from({ length: 50 }, () => generate(random))];
    },
    generate,
    run(fuzzCase: FuzzCase, observe: Observe) {
      const { seed } = fuzzCase;
      const bytes = streamOf(fuzzCase);
      let read: ReturnType<typeof readingOf>;
      const allocated = bytesAllocated(() => {
        read = readingOf(bytes, seed, observe);
      });
      hold(allocated <= 1024, `nothing is copied: ${allocated} bytes`);
      if (read === undefined) return;
      const references = 'references' in read ? read.references : [...read.committed, ...read.failed];
      hold(references.length <= maxReferences, 'no more references than are allowed');
      const uids = references.flatMap(({ sopClassUid, sopInstanceUid }) => [sopClassUid, sopInstanceUid]);
      hold(
        [read.transactionUid, ...uids].every((text) => /^[0-9.]{1,64}$/.test(text)),
        'UIDs are UIDs',
      );
      for (const transferSyntax of syntaxes) {
        const other = (seed & ~1) | syntaxes.indexOf(transferSyntax);
        same(decode(encode(read, transferSyntax), other), read, 'decode(encode(x)) is x');
      }
      observe(`${Object.keys(read).join()} ${references.length}`);
    },
  };
}

function generate(random: Random): FuzzCase {
  const seed = random.u32();
  if (random.oneIn(8))
    return { seed, steps: [chunk(wellFormedDataSet(random, seed & 1 ? 'explicit' : 'implicit').bytes)] };
  const make = isReport(seed) ? commitmentReport : commitmentRequest;
  return { seed, steps: [chunk(make(random, syntaxOf(seed)))] };
}
