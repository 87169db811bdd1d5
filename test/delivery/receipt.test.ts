import { verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { CHAIN_START, NO_PREVIOUS, parseReceiptLine, signReceipt } from '../../src/delivery/receipt.ts';
import { verifyChain } from '../../src/delivery/receiptChain.ts';
import { generateSigningKey, signCanonical } from '../../src/delivery/signingKey.ts';
import { chainLines, receiptDraft, sha256 } from '../support/receipts.ts';

const key = generateSigningKey();
const kinds = async (lines: string[], options = {}) =>
  (await verifyChain(lines, key.publicKey, options)).problems.map(({ line, kind }) => `${line} ${kind}`);

describe('receipt', () => {
  it('says what was received and what the store confirmed, in one canonical signed line', () => {
    const { receipt, line, end } = signReceipt(receiptDraft('s/o.dcm', 'bytes'), CHAIN_START, 'site', key);
    expect(receipt).toMatchObject({
      format: 'medusa.receipt/1',
      seq: 1,
      site: 'site',
      gateway: key.keyId,
      steps: [],
      received: { sha256: sha256('bytes'), size: 5, peer: 'CT1' },
      delivered: { store: 'cloud', key: 's/o.dcm', sha256: sha256('bytes'), confirmedBy: 'synced-write' },
      previous: NO_PREVIOUS,
    });
    expect(line).toBe(canonicalJson(JSON.parse(line)));
    expect(end).toEqual({ seq: 1, digest: sha256(line) });
    expect(parseReceiptLine(line)).toEqual(receipt);
    // By hand, as a stranger would check it: the text without the signature.
    const text = line.replace(`,"signature":"${receipt.signature}"`, '');
    expect(verify(null, Buffer.from(text), key.publicKey, Buffer.from(receipt.signature, 'base64url'))).toBe(true);
  });

  it('holds no UID that is none: a peer could put a name there', () => {
    const { line, receipt } = signReceipt(
      receiptDraft('k', 'x', { sopInstanceUid: 'DOE^JOHN', studyInstanceUid: undefined, seriesInstanceUid: '..' }),
      CHAIN_START,
      'site',
      key,
    );
    expect([receipt.sopInstanceUid, receipt.studyInstanceUid, receipt.seriesInstanceUid]).toEqual(['', '', '']);
    expect(line).not.toContain('DOE');
  });

  it('is refused when it is not exactly a receipt, and the refusal does not quote it', () => {
    const [line = ''] = chainLines(key, 1);
    const value = JSON.parse(line);
    const variants = [
      'SECRET',
      '[]',
      'null',
      line.replace('{', '{ '),
      line.replace('medusa.receipt/1', 'medusa.receipt/2'),
      canonicalJson({ ...value, SECRET: 1 }),
      canonicalJson({ ...value, seq: -1 }),
      canonicalJson({ ...value, previous: 'SECRET' }),
      canonicalJson({ ...value, received: 'SECRET' }),
      canonicalJson({ ...value, delivered: { ...value.delivered, size: '5' } }),
      canonicalJson({ ...value, steps: ['SECRET'] }),
      canonicalJson({ ...value, steps: [{ name: 'a', version: '1' }] }),
      JSON.stringify({ ...value, version: 1.5 }),
    ];
    for (const variant of variants) {
      expect(() => parseReceiptLine(variant), variant).toThrow(expect.objectContaining({ code: 'receipt.malformed' }));
      try {
        parseReceiptLine(variant);
      } catch (error) {
        expect(String(error)).not.toContain('SECRET');
      }
    }
  });
});

describe('chain of receipts', () => {
  const lines = chainLines(key, 10);

  it('is sound as it was written, and says where it ends', async () => {
    const report = await verifyChain(lines, key.publicKey);
    expect(report).toEqual({
      ok: true,
      receipts: 10,
      withheld: 0,
      firstSeq: 1,
      end: { seq: 10, digest: sha256(lines[9] ?? '') },
      problemCount: 0,
      problems: [],
    });
    expect((await verifyChain([], key.publicKey)).ok).toBe(true);
  });

  it('shows an edit', async () => {
    const edited = lines.with(4, (lines[4] ?? '').replace('"CT1"', '"CT2"'));
    expect(await kinds(edited)).toEqual(['5 bad-signature', '6 broken-link']);
  });

  it('shows an edit that was signed again with the right key, by the receipt after it', async () => {
    const { signature: _, ...value } = { ...JSON.parse(lines[4] ?? ''), version: 2 };
    const resigned = canonicalJson({ ...value, signature: signCanonical(value, key.privateKey) });
    expect(await kinds(lines.with(4, resigned))).toEqual(['6 broken-link']);
  });

  it('shows a hole, a change of order, a repeated line, a garbled line and a cut at the front', async () => {
    expect(await kinds(lines.toSpliced(4, 1))).toEqual(['5 out-of-sequence']);
    expect(await kinds(lines.with(4, lines[5] ?? '').with(5, lines[4] ?? ''))).toEqual([
      '5 out-of-sequence',
      '6 out-of-sequence',
      '7 out-of-sequence',
    ]);
    expect(await kinds(lines.toSpliced(4, 0, lines[3] ?? ''))).toEqual(['5 out-of-sequence']);
    expect(await kinds(lines.with(4, 'garbage'))).toEqual(['5 malformed', '6 out-of-sequence']);
    expect(await kinds(lines.slice(1))).toEqual(['1 out-of-sequence']);
  });

  it('shows a cut at the end when told what must be there', async () => {
    const expectEnd = { seq: 10, digest: sha256(lines[9] ?? '') };
    expect(await kinds(lines, { expectEnd })).toEqual([]);
    expect(await kinds(lines.slice(0, 9), { expectEnd })).toEqual(['9 cut-short']);
    expect(await kinds(lines, { expectEnd: { seq: 10, digest: NO_PREVIOUS } })).toEqual(['10 cut-short']);
  });

  it('can be checked in pieces', async () => {
    const after = (await verifyChain(lines.slice(0, 4), key.publicKey)).end;
    expect(await kinds(lines.slice(4), { after })).toEqual([]);
    expect(await kinds(lines.slice(5), { after })).toEqual(['1 out-of-sequence']);
  });

  it('is not taken for one of another key', async () => {
    const report = await verifyChain(lines, generateSigningKey().publicKey);
    expect(report.problemCount).toBe(10);
    expect(report.problems[0]).toMatchObject({ kind: 'foreign-key', seq: 1 });
  });
});
