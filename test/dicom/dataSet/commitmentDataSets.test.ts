import { describe, expect, test } from 'vitest';
import {
  type CommitmentReport,
  decodeCommitmentReport,
  decodeCommitmentRequest,
  encodeCommitmentReport,
  encodeCommitmentRequest,
  eventTypeOf,
  failureReason,
} from '../../../src/dicom/dataSet/commitmentDataSets.ts';
import { DataSetError } from '../../../src/dicom/dataSet/smallDataSet.ts';
import {
  closedSequence,
  type Encoding,
  element,
  header,
  openSequence,
  transferSyntaxOf,
  undefinedLength,
} from '../../support/dataSets.ts';

const ct = '1.2.840.10008.5.1.4.1.1.2';
const encodings: Encoding[] = ['implicit', 'explicit'];

const reference = (encoding: Encoding, sopInstanceUid: string, sopClassUid = ct) =>
  Buffer.concat([
    element(encoding, 0x00081150, 'UI', sopClassUid),
    element(encoding, 0x00081155, 'UI', sopInstanceUid),
  ]);
const transaction = (encoding: Encoding, value = '1.2.3') => element(encoding, 0x00081195, 'UI', value);
const decode = (bytes: Buffer, encoding: Encoding, maxReferences = 10) =>
  decodeCommitmentRequest(bytes, transferSyntaxOf[encoding], { maxReferences });

function problemOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof DataSetError) return `${error.problem}: ${error.message}`;
    throw error;
  }
  return 'none';
}

describe.each(encodings)('a commitment request, %s', (encoding) => {
  const references = [
    { sopClassUid: ct, sopInstanceUid: '1.2.3.1' },
    { sopClassUid: ct, sopInstanceUid: '1.2.3.22' },
  ];

  test('survives encoding and decoding', () => {
    const request = { transactionUid: '1.2.3.4.5', references };
    const bytes = encodeCommitmentRequest(request, transferSyntaxOf[encoding]);
    expect(decode(bytes, encoding)).toEqual(request);
  });

  test('is read with told and with undefined lengths, with padding, group lengths and elements that nobody asked for', () => {
    const items = [reference(encoding, '1.2.3.1 '), reference(encoding, ' 1.2.3.22\0\0\0')];
    for (const sequence of [closedSequence, openSequence]) {
      const bytes = Buffer.concat([
        element(encoding, 0x00080000, 'UL', Buffer.alloc(4)),
        element(encoding, 0x00080054, 'AE', 'ELSEWHERE'),
        openSequence(encoding, 0x00081111, [
          Buffer.concat([
            reference(encoding, '9.9.9'),
            openSequence(encoding, 0x00081199, [reference(encoding, '9.9.8')]),
          ]),
        ]),
        transaction(encoding, '1.2.3\0\0'),
        sequence(encoding, 0x00081199, items),
        element(encoding, 0x00880130, 'SH', 'A FILE SET'),
      ]);
      expect(decode(bytes, encoding)).toEqual({ transactionUid: '1.2.3', references });
    }
  });

  test('may name an instance twice', () => {
    const bytes = Buffer.concat([
      transaction(encoding),
      closedSequence(encoding, 0x00081199, [reference(encoding, '1.1'), reference(encoding, '1.1')]),
    ]);
    expect(decode(bytes, encoding).references).toHaveLength(2);
  });

  test('says what is missing or wrong with it, and never what it holds', () => {
    const one = closedSequence(encoding, 0x00081199, [reference(encoding, '1.1')]);
    const cases: Array<[Buffer, RegExp]> = [
      [Buffer.alloc(0), /^missing: Transaction UID/],
      [one, /^missing: Transaction UID/],
      [transaction(encoding), /^missing: Referenced SOP Sequence/],
      [Buffer.concat([transaction(encoding), closedSequence(encoding, 0x00081199, [])]), /^missing: Referenced SOP/],
      [
        Buffer.concat([transaction(encoding, 'DOE^JOHN'), one]),
        /^invalid: Transaction UID \(0008,1195\) is not a UID$/,
      ],
      [Buffer.concat([transaction(encoding, '..'), one]), /^invalid/],
      [Buffer.concat([transaction(encoding), transaction(encoding), one]), /^malformed: .* comes twice/],
      [Buffer.concat([transaction(encoding), one, one]), /^malformed: .* comes twice/],
      [
        Buffer.concat([
          transaction(encoding),
          closedSequence(encoding, 0x00081199, [element(encoding, 0x00081150, 'UI', ct)]),
        ]),
        /^missing: Referenced SOP Instance UID/,
      ],
      [transaction(encoding, '1'.repeat(300)), /^malformed: .*longer than/],
      [Buffer.concat([transaction(encoding), one.subarray(0, -4)]), /^malformed: .*more bytes than are there/],
      [Buffer.concat([transaction(encoding), one, Buffer.from([8, 0, 9])]), /^malformed: .*middle of an element/],
      [
        Buffer.concat([transaction(encoding), header(encoding, 0x00081199, 'SQ', undefinedLength)]),
        /^malformed: a sequence has no end/,
      ],
      [Buffer.concat([header(encoding, 0xfffee00d, '', 0)]), /^malformed: a delimiter/],
      [header(encoding, 0x00081195, 'UI', 0xfffe), /^malformed: .*more bytes than are there/],
    ];
    for (const [bytes, expected] of cases) expect(problemOf(() => decode(bytes, encoding))).toMatch(expected);
  });

  test('is bounded in references and in depth', () => {
    const many = Array.from({ length: 11 }, (_, i) => reference(encoding, `1.${i}`));
    const bytes = Buffer.concat([transaction(encoding), closedSequence(encoding, 0x00081199, many)]);
    expect(problemOf(() => decode(bytes, encoding, 10))).toMatch(/^too-many/);
    expect(decode(bytes, encoding, 11).references).toHaveLength(11);
    let nested: Buffer = reference(encoding, '1.1');
    for (let depth = 0; depth < 40; depth++) nested = openSequence(encoding, 0x00081111, [nested]);
    expect(problemOf(() => decode(nested, encoding))).toMatch(/^malformed: .*nested deeper/);
    // A long row of openings must end in that error, not in the stack's.
    const openings = Buffer.concat(
      Array.from({ length: 100_000 }, () =>
        Buffer.concat([
          header(encoding, 0x00081111, 'SQ', undefinedLength),
          header(encoding, 0xfffee000, '', undefinedLength),
        ]),
      ),
    );
    expect(problemOf(() => decode(openings, encoding))).toMatch(/^malformed: .*nested deeper/);
  });

  test('cut anywhere, or with any byte changed, gives a value or a DataSetError', () => {
    const bytes = encodeCommitmentRequest({ transactionUid: '1.2.3.4.5', references }, transferSyntaxOf[encoding]);
    for (let length = 0; length < bytes.length; length++) problemOf(() => decode(bytes.subarray(0, length), encoding));
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xfe, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        problemOf(() => decode(changed, encoding));
      }
    }
  });
});

test('what is inside an UN sequence is implicit', () => {
  const sequence = openSequence('explicit', 0x00081199, [reference('implicit', '1.1')], 'UN');
  const bytes = Buffer.concat([transaction('explicit'), sequence]);
  expect(decode(bytes, 'explicit').references).toEqual([{ sopClassUid: ct, sopInstanceUid: '1.1' }]);
});

describe.each(encodings)('a commitment report, %s', (encoding) => {
  const syntax = transferSyntaxOf[encoding];
  const committed = [{ sopClassUid: ct, sopInstanceUid: '1.1' }];
  const failed = [{ sopClassUid: ct, sopInstanceUid: '1.22', failureReason: failureReason.noSuchObjectInstance }];
  const reports: CommitmentReport[] = [
    { transactionUid: '1.2', committed, failed: [] },
    { transactionUid: '1.2', committed: [], failed },
    { transactionUid: '1.2', committed, failed },
  ];

  test('survives encoding and decoding, and says which event it is', () => {
    expect(reports.map(eventTypeOf)).toEqual([1, 2, 2]);
    for (const report of reports) {
      expect(decodeCommitmentReport(encodeCommitmentReport(report, syntax), syntax, { maxReferences: 5 })).toEqual(
        report,
      );
    }
  });

  test('leaves out the sequence that would be empty', () => {
    const bytes = encodeCommitmentReport({ transactionUid: '1.2', committed, failed: [] }, syntax);
    expect(bytes.includes(Buffer.from([0x08, 0x00, 0x98, 0x11]))).toBe(false);
  });
});
