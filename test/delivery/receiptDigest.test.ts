import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { CHAIN_START, parseReceiptLine, type Receipt, signReceipt } from '../../src/delivery/receipt.ts';
import { verifyChain } from '../../src/delivery/receiptChain.ts';
import { mayRead, parseChainLine, signReceiptDigest } from '../../src/delivery/receiptDigest.ts';
import { generateSigningKey, signCanonical } from '../../src/delivery/signingKey.ts';
import { receiptDraft, sha256 } from '../support/receipts.ts';

const key = generateSigningKey();
const steps = [
  { name: 'ct-quantification', version: '1.0.0', detail: 'split application' },
  { name: 'deidentify', version: '1', detail: 'basic' },
];

/** Ten receipts: the even ones to `vault`, as received; the odd ones to `research`, de-identified. */
const chain: Array<{ receipt: Receipt; line: string }> = [];
for (let seq = 1, end = CHAIN_START; seq <= 10; seq++) {
  const draft = receiptDraft(`site/studies/1/${seq}`, `content ${seq}`, {
    sopInstanceUid: seq % 2 === 0 ? `1.2.840.${seq}` : `2.25.${seq}`,
    store: seq % 2 === 0 ? 'vault' : 'research',
  });
  const isResult = seq % 2 === 1;
  const given = isResult ? { ...draft, steps, received: { ...draft.received, peer: '' } } : draft;
  const signed = signReceipt(given, end, 'site', key);
  chain.push(signed);
  end = signed.end;
}
const ledger = chain.map(({ line }) => line);
const inStore = (name: string, isIdentifiable: boolean) =>
  chain.map(({ receipt, line }) =>
    mayRead(receipt, { name, isIdentifiable }) ? line : signReceiptDigest(receipt, line, name, key),
  );
const research = inStore('research', false);
const check = (lines: string[], options = {}) => verifyChain(lines, key.publicKey, { store: 'research', ...options });
const kinds = async (lines: string[], options = {}) =>
  (await check(lines, options)).problems.map(({ line, kind }) => `${line} ${kind}`);

describe('the digest of a receipt', () => {
  it('stands for a receipt about another store, and says nothing of it', async () => {
    expect(await check(research)).toEqual({
      ok: true,
      receipts: 10,
      withheld: 5,
      firstSeq: 1,
      end: { seq: 10, digest: sha256(ledger[9] ?? '') },
      problemCount: 0,
      problems: [],
    });
    expect(parseChainLine(research[1] ?? '')).toEqual({
      format: 'medusa.receipt-digest/1',
      seq: 2,
      site: 'site',
      gateway: key.keyId,
      store: 'research',
      sha256: sha256(ledger[1] ?? ''),
      previous: sha256(ledger[0] ?? ''),
      signature: expect.any(String),
    });
    expect(research.join('\n')).not.toMatch(/1\.2\.840|CT1|vault/);
  });

  it('keeps originals from stores of pseudonyms and pseudonyms from stores of originals, and its own from nobody', () => {
    const [deidentified, original] = chain.map(({ receipt }) => receipt);
    if (!deidentified || !original) throw new Error('no chain');
    const to = (name: string, isIdentifiable: boolean) =>
      [deidentified, original].map((receipt) => mayRead(receipt, { name, isIdentifiable }));
    expect(to('research', false)).toEqual([true, false]);
    expect(to('research', true)).toEqual([true, true]);
    expect(to('partner', false)).toEqual([true, false]);
    expect(to('vault', true)).toEqual([false, true]);
    expect(to('archive', true)).toEqual([false, true]);
    // A route was taken away: what the store holds already it may still prove.
    expect(to('vault', false)).toEqual([true, true]);
    // What is not clearly de-identified is not.
    const unclear = [
      { ...deidentified, received: { ...deidentified.received, peer: 'CT1' } },
      { ...deidentified, steps: steps.slice(0, 1) },
    ];
    for (const receipt of unclear) expect(mayRead(receipt, { name: 'partner', isIdentifiable: false })).toBe(false);
  });

  it('is accepted nowhere but in the store that it was made for', async () => {
    expect(await kinds(inStore('vault', true))).toContain('1 misplaced-digest');
    expect(await kinds(research, { store: undefined })).toEqual([2, 4, 6, 8, 10].map((n) => `${n} misplaced-digest`));
    expect(() => parseReceiptLine(research[1] ?? '')).toThrow(expect.objectContaining({ code: 'receipt.malformed' }));
  });

  it('cannot be put in the place of a receipt about the store by whoever can write there', async () => {
    const { receipt, line } = chain[2] ?? {};
    if (!receipt || !line) throw new Error('no chain');
    const forged = signReceiptDigest(receipt, line, 'research', { ...generateSigningKey(), keyId: key.keyId });
    expect(await kinds(research.with(2, forged))).toEqual(['3 bad-signature']);
    const foreign = signReceiptDigest(receipt, line, 'research', generateSigningKey());
    expect(await kinds(research.with(2, foreign))).toEqual(['3 foreign-key']);
    // One that the gateway signed, for another receipt or another store.
    const renumbered = (research[1] ?? '').replace('"seq":2', '"seq":3');
    expect(await kinds(research.with(2, renumbered))).toEqual(['3 bad-signature', '3 broken-link', '4 broken-link']);
    const other = signReceiptDigest(receipt, line, 'vault', key);
    expect(await kinds(research.with(2, other))).toEqual(['3 misplaced-digest']);
  });

  it('shows edits, of itself and of the receipts beside it', async () => {
    const other = sha256('other');
    const edited = (research[3] ?? '').replace(/"sha256":"[0-9a-f]{64}"/, `"sha256":"${other}"`);
    expect(await kinds(research.with(3, edited))).toEqual(['4 bad-signature', '5 broken-link']);
    const previous = (research[3] ?? '').replace(/"previous":"[0-9a-f]{64}"/, `"previous":"${other}"`);
    expect(await kinds(research.with(3, previous))).toEqual(['4 bad-signature', '4 broken-link']);
    const receipt = (research[4] ?? '').replace('"size":9', '"size":8');
    expect(await kinds(research.with(4, receipt))).toEqual(['5 bad-signature', '6 broken-link']);
    // Signed again with the right key: the digest after it does not follow.
    const { signature: _, ...value } = { ...JSON.parse(research[4] ?? ''), version: 2 };
    const resigned = canonicalJson({ ...value, signature: signCanonical(value, key.privateKey) });
    expect(await kinds(research.with(4, resigned))).toEqual(['6 broken-link']);
  });

  it('shows holes, a change of order, repetition, garbage and cuts', async () => {
    expect(await kinds(research.toSpliced(3, 1))).toEqual(['4 out-of-sequence']);
    expect(await kinds(research.toSpliced(4, 1))).toEqual(['5 out-of-sequence']);
    expect(await kinds(research.with(3, research[4] ?? '').with(4, research[3] ?? ''))).toEqual([
      '4 out-of-sequence',
      '5 out-of-sequence',
      '6 out-of-sequence',
    ]);
    expect(await kinds(research.toSpliced(4, 0, research[3] ?? ''))).toEqual(['5 out-of-sequence']);
    expect(await kinds(research.slice(1))).toEqual(['1 out-of-sequence']);
    const end = { seq: 10, digest: sha256(ledger[9] ?? '') };
    expect(await kinds(research, { expectEnd: end })).toEqual([]);
    expect(await kinds(research.slice(0, 9), { expectEnd: end })).toEqual(['9 cut-short']);
    const line = research[3] ?? '';
    const variants = [
      line.replace('{', '{ '),
      line.replace('receipt-digest/1', 'receipt-digest/2'),
      line.replace('"seq":4', '"seq":"4"'),
      canonicalJson({ ...JSON.parse(line), SECRET: 1 }),
      line.slice(0, -1),
    ];
    for (const variant of variants) expect(await kinds(research.with(3, variant))).toContain('4 malformed');
  });

  it('is passed by a chain of full receipts as before', async () => {
    expect(await check(ledger)).toMatchObject({ ok: true, receipts: 10, withheld: 0 });
    expect(await verifyChain(ledger, key.publicKey)).toMatchObject({ ok: true });
  });
});
