/** Elements that the scanner is asked for beyond those that identify. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdentifyingTagScanner } from '../../../src/dicom/dataSet/identifyingTags.ts';
import { uid } from '../../../src/dicom/uids.ts';
import {
  dataSet,
  deflate,
  type Encoding,
  element,
  header,
  identity,
  openSequence,
  transferSyntaxOf,
} from '../../support/dataSets.ts';

const seriesDescription = 0x0008103e;
const patientId = 0x00100020;
const studyCount = 0x00201208;
const asked = new Set([seriesDescription, patientId, studyCount]);

/** With a description before what identifies, and a count behind it. */
function object(encoding: Encoding, description = 'Chest ', behind: Buffer[] = []): Buffer {
  const decoy = element(encoding, studyCount, 'IS', '99');
  return Buffer.concat([
    element(encoding, 0x00080016, 'UI', identity.sopClassUid),
    element(encoding, 0x00080018, 'UI', identity.sopInstanceUid),
    element(encoding, 0x00080060, 'CS', identity.modality),
    element(encoding, seriesDescription, 'LO', description),
    element(encoding, patientId, 'LO', identity.patientId),
    element(encoding, 0x0020000d, 'UI', identity.studyInstanceUid),
    element(encoding, 0x0020000e, 'UI', identity.seriesInstanceUid),
    element(encoding, 0x00201041, 'DS', '1 '),
    openSequence(encoding, 0x00201115, [decoy]),
    element(encoding, studyCount, 'IS', '12'),
    ...behind,
    element(encoding, 0x7fe00010, 'OW', 'pixels'),
  ]);
}

function scan(transferSyntax: string, chunks: Iterable<Buffer>, tags = asked) {
  const scanner = new IdentifyingTagScanner(transferSyntax, tags);
  for (const chunk of chunks) scanner.push(chunk);
  const { asked: found, ...others } = scanner.end();
  return { found: Object.fromEntries(found ?? []), others };
}

const encodings: Encoding[] = ['implicit', 'explicit', 'big-endian'];

describe.each(encodings)('asked for more, %s', (encoding) => {
  const syntax = transferSyntaxOf[encoding];

  it('finds it at the top level, however the bytes are cut, and what identifies as before', () => {
    const bytes = object(encoding);
    const expected = { [seriesDescription]: 'Chest ', [studyCount]: '12' };
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const { found, others } = scan(
          syntax,
          at.slice(1).map((end, i) => bytes.subarray(at[i], end)),
        );
        expect(found).toMatchObject(expected);
        expect(found[patientId]).toMatch(new RegExp(`^${identity.patientId}`));
        expect(others).toEqual(identity);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps 256 bytes of a longer value, and goes on', () => {
    const { found, others } = scan(syntax, [object(encoding, 'x'.repeat(5_000))]);
    expect(found).toMatchObject({ [seriesDescription]: 'x'.repeat(256), [studyCount]: '12' });
    expect(others).toEqual(identity);
  });

  it('ends behind the last that was asked for', () => {
    const scanner = new IdentifyingTagScanner(syntax, new Set([seriesDescription]));
    const bytes = object(encoding);
    scanner.push(bytes.subarray(0, bytes.length - 60));
    expect(scanner.done).toBe(true);
  });

  it('calls nothing malformed for what lies behind what identifies', () => {
    const backwards = [element(encoding, 0x00080020, 'DA', '20200101')];
    const broken = Buffer.concat([dataSet(encoding).subarray(0, -20), header(encoding, 0x00281050, 'DS', 4000)]);
    for (const bytes of [object(encoding, 'a ', backwards), broken]) {
      expect(scan(syntax, [bytes], new Set([...asked, 0x00281055])).others).toEqual(identity);
    }
  });
});

describe('asked for more, deflated', () => {
  it('finds it in the head, and does without when it lies too far inside', () => {
    const syntax = uid.deflatedExplicitVrLittleEndian;
    expect(scan(syntax, [deflate(object('explicit'))]).found).toMatchObject({ [studyCount]: '12' });
    const noise = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7919 * (i % 251)) % 256));
    const far = [element('explicit', 0x00209161, 'UT', noise)];
    const { found, others } = scan(syntax, [deflate(object('explicit', 'a ', far))], new Set([...asked, 0x00281055]));
    expect(others).toEqual(identity);
    expect(found).toMatchObject({ [studyCount]: '12' });
  });
});
