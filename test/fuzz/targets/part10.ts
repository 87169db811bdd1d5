/** Objects as the split application takes them apart and puts them together: parsePart10, encodePart10, DICOM JSON. */
import { deflateRawSync } from 'node:zlib';
import { GatewayError } from '../../../src/base/errors.ts';
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import { toDicomJson } from '../../../src/dicom/dataSet/dicomJson.ts';
import type { DicomObject } from '../../../src/dicom/dataSet/dicomObject.ts';
import { encodeDataSet, encodePart10 } from '../../../src/dicom/dataSet/encodePart10.ts';
import type { ParseLimits } from '../../../src/dicom/dataSet/parseLimits.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import { toExplicitLittleEndian } from '../../../src/dicom/dataSet/transcode.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { transferSyntaxOf } from '../../support/dataSets.ts';
import { allBytes, CountingSource, part10 } from '../../support/objects.ts';
import { bytesAllocated } from '../allocations.ts';
import { chunk, type FuzzCase, streamOf } from '../fuzzCase.ts';
import { encodings, wellFormedDataSet } from '../generate.ts';
import { Random } from '../random.ts';
import { dataSetSeeds } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

const deflated = uid.deflatedExplicitVrLittleEndian;
const encapsulated = '1.2.840.10008.1.2.4.50';
/** '' is a file without meta information. */
const transferSyntaxes = [...encodings.map((encoding) => transferSyntaxOf[encoding]), deflated, encapsulated, ''];
const syntaxOf = (seed: number) => transferSyntaxes[seed % transferSyntaxes.length] ?? '';
function seedFor(transferSyntax: string, random: Random): number {
  const index = transferSyntaxes.indexOf(transferSyntax);
  const known = index < 0 ? transferSyntaxes.indexOf(encapsulated) : index;
  return Math.floor(random.u32() / 16) * transferSyntaxes.length + known;
}

const limits: ParseLimits = {
  maxBytesInMemory: 256 * 1024,
  maxValueInMemory: 64,
  maxDepth: 16,
  maxElements: 400,
  maxItems: 200,
};
/** An element in memory with its buffers, generously; and what a window or an inflated data set may take. */
const bytesPerElement = 1500;
const bytesBeside = 6 * limits.maxBytesInMemory;

function parse(bytes: Buffer, copies: boolean): DicomObject | GatewayError {
  try {
    return parsePart10(copies ? new CountingSource(bytes) : new BufferSource('input', bytes), limits);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}

export function part10Target(): Target {
  return {
    name: 'part10',
    operations: 0,
    weight: 3,
    maxBytes: 4000,
    seeds: () => {
      const random = new Random(2);
      const real = dataSetSeeds().map(({ transferSyntaxUid, head }) => ({
        seed: seedFor(transferSyntaxUid, random),
        steps: [chunk(head)],
      }));
      return [...real, ...Array.from({ length: 40 }, () => generate(random))];
    },
    generate,
    run(fuzzCase: FuzzCase, observe: Observe) {
      const syntax = syntaxOf(fuzzCase.seed);
      const bytes = streamOf(fuzzCase);
      const file = syntax === '' ? bytes : part10(bytes, syntax);
      let object: DicomObject | GatewayError | undefined;
      const allocated = bytesAllocated(() => {
        object = parse(file, fuzzCase.seed % 2 === 0);
      });
      hold(allocated <= bytesBeside + bytesPerElement * limits.maxElements, `memory bounded: ${allocated}`);
      if (object === undefined) return;
      if (object instanceof GatewayError) {
        hold(/^dataset\.[a-z-]+$/.test(object.code), 'an error has a code of its own');
        hold(/^[\x20-\x7e]{5,200}$/.test(object.message), 'an error can be logged');
        return observe(`${syntax} ${object.code} ${object.message.replace(/[0-9a-f]{4},[0-9a-f]{4}|[0-9]+/g, '#')}`);
      }
      check(object, bytes, syntax);
      observe(`${syntax} ${object.dataSet.elements.map(({ vr, value }) => vr + value.kind).join()}`.slice(0, 60));
    },
  };
}

/** What is written is read as the same, in the encoding that it has and in the common one. */
function check(object: DicomObject, bytes: Buffer, syntax: string): void {
  const written = allBytes(encodeDataSet(object.dataSet, object.encoding));
  if (syntax !== '' && syntax !== deflated) {
    hold(bytes.length - written.length < 8 && written.length <= bytes.length, 'nothing is left out, nothing added');
  }
  for (const one of [object, toExplicitLittleEndian(object)]) {
    const { pieces, size } = encodePart10(one);
    const made = allBytes(pieces);
    same(made.length, size, 'the size is told as it is');
    const again = parsePart10(new BufferSource('again', made), { ...limits, maxBytesInMemory: 16 * 1024 * 1024 });
    same(
      allBytes(encodePart10(again).pieces).toString('hex'),
      made.toString('hex'),
      'written and read, it is the same',
    );
    const json = JSON.stringify(toDicomJson(one).dataSet);
    same(Buffer.from(json).toString(), json, 'the JSON is text');
  }
}

function generate(random: Random): FuzzCase {
  const encoding = random.pick(encodings);
  const { bytes } = wellFormedDataSet(random, encoding);
  const syntax = encoding === 'explicit' && random.oneIn(3) ? deflated : transferSyntaxOf[encoding];
  return { seed: seedFor(syntax, random), steps: [chunk(syntax === deflated ? deflateRawSync(bytes) : bytes)] };
}
