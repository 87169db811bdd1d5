import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdentifyingTagScanner } from '../../../src/dicom/dataSet/identifyingTags.ts';
import { uid } from '../../../src/dicom/uids.ts';
import {
  closedSequence,
  dataSet,
  deflate,
  type Encoding,
  element,
  header,
  identity,
  openSequence,
  transferSyntaxOf,
  undefinedLength,
} from '../../support/dataSets.ts';

function scan(transferSyntax: string, chunks: Iterable<Buffer>) {
  const scanner = new IdentifyingTagScanner(transferSyntax);
  for (const chunk of chunks) scanner.push(chunk);
  return scanner.end();
}

function* cut(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const encodings: Encoding[] = ['implicit', 'explicit', 'big-endian'];

/** Nested, in every form, with the tags that are looked for inside it: these are not the object's own. */
function trap(encoding: Encoding): Buffer[] {
  const decoy = Buffer.concat([
    element(encoding, 0x00080018, 'UI', '9.9.9'),
    element(encoding, 0x0020000d, 'UI', '9.9.9'),
    openSequence(encoding, 0x00400275, [element(encoding, 0x0020000d, 'UI', '9.9')]),
  ]);
  return [
    openSequence(encoding, 0x00101002, [decoy, Buffer.alloc(0), decoy]),
    closedSequence(encoding, 0x00101100, [decoy, decoy]),
    openSequence(encoding, 0x00101101, []),
    element(encoding, 0x00104000, 'UT', 'x'.repeat(70_000)),
  ];
}

describe.each(encodings)('IdentifyingTagScanner, %s', (encoding) => {
  const transferSyntax = transferSyntaxOf[encoding];
  const object = dataSet(encoding, { extra: trap(encoding) });

  it('finds the object’s own tags behind sequences that hold the same ones', () => {
    expect(scan(transferSyntax, [object])).toEqual(identity);
  });

  it('finds the same however the bytes are cut', () => {
    for (const size of [1, 2, 3, 5, 7, 8, 11, 12, 13, 100]) {
      expect(scan(transferSyntax, cut(object, size)), `chunks of ${size}`).toEqual(identity);
    }
    fc.assert(
      fc.property(fc.array(fc.nat(object.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), object.length];
        const chunks = at.slice(1).map((end, i) => object.subarray(at[i], end));
        expect(scan(transferSyntax, chunks)).toEqual(identity);
      }),
      { numRuns: 50 },
    );
  });

  it('stops reading as soon as it has seen the last tag', () => {
    const scanner = new IdentifyingTagScanner(transferSyntax);
    scanner.push(object.subarray(0, object.length - 20));
    expect(scanner.done).toBe(true);
    scanner.push(Buffer.from('what follows is not looked at'));
    expect(scanner.tags.problem).toBeUndefined();
  });

  it('follows a private UN element of undefined length, which is Implicit VR Little Endian inside (PS3.5 6.2.2)', () => {
    const inside = element('implicit', 0x0020000d, 'UI', '9.9.9');
    const extra = [openSequence(encoding, 0x00111010, [inside, inside], 'UN', 'implicit')];
    expect(scan(transferSyntax, [dataSet(encoding, { extra })])).toEqual(identity);
  });

  it('tolerates groups 0000 and 0002 before the object', () => {
    const stray = [element(encoding, 0x00000002, 'UI', '9.9'), element(encoding, 0x00020003, 'UI', '9.9')];
    expect(scan(transferSyntax, [Buffer.concat([...stray, dataSet(encoding)])])).toEqual(identity);
  });

  it('gives what it has when tags are missing', () => {
    const bare = element(encoding, 0x00080018, 'UI', '1.2.3');
    expect(scan(transferSyntax, [bare])).toEqual({ sopInstanceUid: '1.2.3' });
    expect(scan(transferSyntax, [])).toEqual({});
    const beyond = Buffer.concat([bare, element(encoding, 0x00280010, 'US', Buffer.alloc(2))]);
    expect(scan(transferSyntax, [beyond])).toEqual({ sopInstanceUid: '1.2.3' });
  });

  it('does not keep a value that is far too long to be one', () => {
    const long = dataSet(encoding, { patientId: 'x'.repeat(60_000) });
    const { patientId: _, ...others } = identity;
    expect(scan(transferSyntax, [long])).toEqual(others);
  });

  const first = element(encoding, 0x00080018, 'UI', '1.2.3');
  const sequence = (length: number) => header(encoding, 0x00101002, 'SQ', length);
  const item = (length: number) => header(encoding, 0xfffee000, '', length);
  const end = header(encoding, 0xfffee0dd, '', 0);
  const nested = (depth: number) =>
    Array.from({ length: depth }, () => [sequence(undefinedLength), item(undefinedLength)]).flat();
  const malformed: Array<[string, Buffer[]]> = [
    ['nesting without end', nested(100_000)],
    ['a length of 4 GB', [sequence(0xfffffffe), Buffer.alloc(1000)]],
    ['a value cut short', [header(encoding, 0x00100020, 'LO', 40), Buffer.from('PAT')]],
    ['a header cut short', [Buffer.from([0x10, 0, 0x20])]],
    ['elements that go backwards', [element(encoding, 0x00080016, 'UI', '1.2')]],
    ['the same element twice', [first]],
    ['an item outside a sequence', [item(0)]],
    ['a sequence end outside a sequence', [end]],
    ['an element where an item belongs', [sequence(undefinedLength), element(encoding, 0x00080005, 'CS', 'X')]],
    ['a sequence that never ends', [sequence(undefinedLength), item(undefinedLength)]],
  ];
  it.each(malformed)('says that something is wrong with %s, and keeps what came before', (_what, rest) => {
    const bytes = Buffer.concat([first, ...rest]);
    const tags = scan(transferSyntax, [bytes]);
    expect(tags.problem).toBeTypeOf('string');
    expect(tags.sopInstanceUid).toBe('1.2.3');
    expect(scan(transferSyntax, cut(bytes.subarray(0, 20_000), 7)).sopInstanceUid).toBe('1.2.3');
  });
});

describe('IdentifyingTagScanner, explicit VR only', () => {
  it('says so when there is no VR', () => {
    const bytes = dataSet('implicit');
    expect(scan(uid.explicitVrLittleEndian, [bytes]).problem).toMatch(/VR/);
  });
});

describe('IdentifyingTagScanner, deflated', () => {
  const syntax = uid.deflatedExplicitVrLittleEndian;
  const noise = createHash('shake256', { outputLength: 60_000 }).update('noise').digest();
  const object = dataSet('explicit', { extra: trap('explicit'), pixels: noise });

  it('finds the tags however the bytes are cut', () => {
    const bytes = deflate(object);
    for (const size of [1, 2, 3, 10, 100, 1000, bytes.length]) {
      expect(scan(syntax, cut(bytes, size)), `chunks of ${size}`).toEqual(identity);
    }
  });

  it('finds the tags of an object that deflates a thousandfold', () => {
    const blank = deflate(dataSet('explicit', { pixels: Buffer.alloc(64 * 1024 * 1024) }));
    expect(scan(syntax, [blank])).toEqual(identity);
  });

  it('finds the tags when what follows them is corrupt or cut off', () => {
    const bytes = deflate(object);
    expect(scan(syntax, [bytes.subarray(0, bytes.length - 3000)])).toEqual(identity);
    const corrupt = Buffer.from(bytes);
    corrupt.fill(0xff, bytes.length - 3000);
    expect(scan(syntax, [corrupt])).toEqual(identity);
  });

  it('does not inflate a bomb', () => {
    const bomb = deflateRawSync(
      Buffer.concat([header('explicit', 0x00091010, 'UN', 0xfffffff0), Buffer.alloc(200 << 20)]),
    );
    const before = process.memoryUsage().arrayBuffers;
    expect(scan(syntax, cut(bomb, 16_000)).problem).toBeTypeOf('string');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
  });

  it('says so when the bytes are not deflated at all', () => {
    expect(scan(syntax, [Buffer.alloc(500, 0xff)]).problem).toMatch(/inflate/);
    expect(scan(syntax, [dataSet('explicit')]).problem).toBeTypeOf('string');
  });
});

describe('IdentifyingTagScanner, any bytes', () => {
  it('throws at nothing and says the same for every chunking', () => {
    const syntaxes = fc.constantFrom(...Object.values(transferSyntaxOf), uid.deflatedExplicitVrLittleEndian);
    const change = fc.tuple(fc.nat(2000), fc.nat(255));
    const encoding = fc.constantFrom(...encodings);
    fc.assert(
      fc.property(
        syntaxes,
        encoding,
        fc.array(change, { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (syntax, as, changes, size) => {
          const extra = [openSequence(as, 0x00101002, [element(as, 0x00080018, 'UI', '9.9')])];
          const bytes = dataSet(as, { extra });
          for (const [at, to] of changes) bytes[at % bytes.length] = to;
          expect(scan(syntax, cut(bytes, size))).toEqual(scan(syntax, [bytes]));
        },
      ),
      { numRuns: 300 },
    );
  });
});
