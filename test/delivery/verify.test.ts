import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/delivery/canonicalJson.ts';
import { signManifest } from '../../src/delivery/manifest.ts';
import { instanceKey, manifestKey, receiptsKey } from '../../src/delivery/objectKeys.ts';
import {
  CHAIN_START,
  type ChainEnd,
  type Receipt,
  type ReceiptDraft,
  signReceipt,
} from '../../src/delivery/receipt.ts';
import { mayRead, signReceiptDigest } from '../../src/delivery/receiptDigest.ts';
import { generateSigningKey, signCanonical } from '../../src/delivery/signingKey.ts';
import type { ObjectStore } from '../../src/delivery/store/objectStore.ts';
import { openStore } from '../../src/delivery/store/openStore.ts';
import { storeError } from '../../src/delivery/store/storeErrors.ts';
import { type VerifyOptions, verifyStore } from '../../src/delivery/verify.ts';
import { receiptDraft, sha256 } from '../support/receipts.ts';

const key = generateSigningKey();
const space = { prefix: '', site: 'site' };
const studies = 3;
const perStudy = 4;

let directory: string;
let store: ObjectStore;
let receipts: Receipt[];
let lines: string[];
let end: ChainEnd;

const fileOf = (objectKey: string) => join(directory, objectKey);
const keyOf = (index: number) => receipts[index]?.delivered.key ?? '';
const verify = (more: Partial<VerifyOptions> = {}) =>
  verifyStore({ store, site: 'site', publicKey: key.publicKey, ...more });

async function put(objectKey: string, content: Uint8Array): Promise<void> {
  const sha256 = createHash('sha256').update(content).digest('hex');
  async function* open() {
    yield content;
  }
  await store.put({ key: objectKey, size: content.length, sha256, open, ifAbsent: false });
}

function replace(objectKey: string, content: string | Uint8Array): void {
  mkdirSync(dirname(fileOf(objectKey)), { recursive: true });
  writeFileSync(fileOf(objectKey), content);
}

async function deliver(study: string, index: number): Promise<void> {
  const content = Buffer.from(`instance ${index} of ${study}`);
  const uids = { studyInstanceUid: study, seriesInstanceUid: `${study}.1`, sopInstanceUid: `${study}.1.${index}` };
  const sha256 = createHash('sha256').update(content).digest('hex');
  const objectKey = instanceKey(space, { ...uids, version: 1, sha256 });
  await put(objectKey, content);
  const signed = signReceipt(receiptDraft(objectKey, content, uids), end, 'site', key);
  receipts.push(signed.receipt);
  lines.push(signed.line);
  end = signed.end;
}

function manifestOf(study: string, revision = 1) {
  const ofStudy = receipts.filter(({ studyInstanceUid }) => studyInstanceUid === study);
  const objects = ofStudy.map(({ delivered, sopInstanceUid, version, seriesInstanceUid }) => ({
    key: delivered.key,
    sha256: delivered.sha256,
    size: delivered.size,
    sopInstanceUid,
    version,
    series: seriesInstanceUid,
    sopClass: '1.2.840.10008.5.1.4.1.1.2',
    transferSyntax: '1.2.840.10008.1.2.1',
    flags: [],
  }));
  const range = { from: ofStudy[0]?.seq ?? 0, to: ofStudy.at(-1)?.seq ?? 0 };
  const draft = { site: 'site', studyInstanceUid: study, revision, generatedAt: 1, objects, receipts: range };
  return signManifest(draft, key);
}

const putReceipts = (first: number, last: number) =>
  put(
    receiptsKey(space, first, last),
    Buffer.from(
      lines
        .slice(first - 1, last)
        .map((line) => `${line}\n`)
        .join(''),
    ),
  );

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'medusa-verify-'));
  store = openStore({ name: 'cloud', type: 'directory', path: directory, prefix: '' }, { retry: false });
  receipts = [];
  lines = [];
  end = CHAIN_START;
  for (let study = 1; study <= studies; study++) {
    for (let index = 1; index <= perStudy; index++) await deliver(`1.2.${study}`, index);
    await put(manifestKey(space, `1.2.${study}`), manifestOf(`1.2.${study}`).bytes);
  }
  await putReceipts(1, 5);
  await putReceipts(6, 12);
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('verify', () => {
  it('proves a store by the receipts in it, and by those of the ledger', async () => {
    const progress: number[] = [];
    const report = await verify({ onProgress: ({ read }) => progress.push(read) });
    expect(report).toMatchObject({
      ok: true,
      store: 'cloud',
      receipts: 12,
      objects: 12,
      verified: 12,
      bytes: receipts.reduce((sum, { delivered }) => sum + delivered.size, 0),
      missing: [],
      corrupt: [],
      unreadable: [],
      unexpected: [],
      manifests: { expected: 3, verified: 3, missing: [], bad: [], outdated: [] },
      chain: { ok: true, end },
      storedChain: undefined,
    });
    expect(progress).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(await verify({ receipts: lines })).toMatchObject({ ok: true, verified: 12, storedChain: { ok: true } });
  });

  it('names a deleted, an altered, a shortened and an extra object', async () => {
    rmSync(fileOf(keyOf(0)));
    const altered = readFileSync(fileOf(keyOf(4)));
    altered[3] = (altered[3] ?? 0) ^ 1;
    replace(keyOf(4), altered);
    replace(keyOf(8), altered.subarray(1));
    replace('site/studies/1.2.1/series/1.2.1.1/9.9.dcm', 'extra');
    replace('site/strange', 'extra');
    const report = await verify();
    expect(report.ok).toBe(false);
    expect(report.verified).toBe(9);
    expect(report.missing).toEqual([{ key: keyOf(0), seq: 1, reason: 'there is no such object' }]);
    expect(report.corrupt.toSorted((a, b) => a.seq - b.seq)).toMatchObject([
      { key: keyOf(4), seq: 5, reason: expect.stringContaining('SHA-256') },
      { key: keyOf(8), seq: 9, reason: expect.stringContaining('bytes') },
    ]);
    expect(report.unexpected).toEqual(['site/strange', 'site/studies/1.2.1/series/1.2.1.1/9.9.dcm']);
  });

  it('does not count an extra object against what is proven', async () => {
    replace('site/studies/1.2.9/series/1/1.dcm', 'extra');
    expect(await verify()).toMatchObject({ ok: true, unexpected: ['site/studies/1.2.9/series/1/1.dcm'] });
  });

  it('names a manifest that is missing, forged, of another study, or says something else than the receipts', async () => {
    rmSync(fileOf(manifestKey(space, '1.2.1')));
    replace(manifestKey(space, '1.2.2'), manifestOf('1.2.2').bytes.toString().replace('"revision":1', '"revision":2'));
    replace(manifestKey(space, '1.2.3'), manifestOf('1.2.1').bytes);
    const report = await verify();
    expect(report).toMatchObject({ ok: false, verified: 12, manifests: { verified: 0 } });
    expect(report.manifests.missing).toEqual([manifestKey(space, '1.2.1')]);
    expect(report.manifests.bad.map(({ key: bad, reason }) => [bad, reason]).toSorted()).toEqual([
      [manifestKey(space, '1.2.2'), expect.stringContaining('changed after it was signed')],
      [manifestKey(space, '1.2.3'), expect.stringContaining('of study 1.2.1')],
    ]);
    // Signed by the right key, and yet not what the receipts say.
    const { signature: _, ...manifest } = manifestOf('1.2.1').manifest;
    const variants = [
      [{ objects: manifest.objects.slice(1) }, 'it does not name'],
      [{ study: '' }, 'of study unidentified'],
      [{ objects: manifest.objects.map((object) => ({ ...object, size: 1 })) }, 'its digest of'],
      [{ objects: manifest.objects.map((object) => ({ ...object, key: `${object.key}x` })) }, 'without a receipt'],
      [{ site: 'other' }, 'of site other'],
    ] as const;
    for (const [change, reason] of variants) {
      const changed = { ...manifest, ...change };
      const signed = canonicalJson({ ...changed, signature: signCanonical(changed, key.privateKey) });
      replace(manifestKey(space, '1.2.1'), signed);
      const [bad] = (await verify()).manifests.bad.filter((one) => one.key === manifestKey(space, '1.2.1'));
      expect(bad?.reason).toContain(reason);
    }
  });

  it('tells a study under way from a finished one', async () => {
    await deliver('1.2.3', 99);
    await deliver('1.2.4', 1);
    await putReceipts(13, 14);
    const report = await verify();
    expect(report.ok).toBe(false);
    expect(report.manifests).toEqual({
      expected: 4,
      verified: 2,
      missing: [manifestKey(space, '1.2.4')],
      bad: [],
      outdated: [{ key: manifestKey(space, '1.2.3'), objects: 1 }],
    });
    expect(await verify({ manifests: 'when-present' })).toMatchObject({ ok: true, verified: 14 });
    replace(manifestKey(space, '1.2.3'), manifestOf('1.2.3', 2).bytes);
    replace(manifestKey(space, '1.2.4'), manifestOf('1.2.4').bytes);
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('shows receipts that were edited, taken away at the front or in the middle', async () => {
    const bundle = receiptsKey(space, 6, 12);
    replace(bundle, readFileSync(fileOf(bundle), 'utf8').replace('"CT1"', '"CT2"'));
    const edited = await verify();
    expect(edited).toMatchObject({ ok: false, chain: { ok: false } });
    expect(edited.chain.problems[0]).toMatchObject({ seq: 6, kind: 'bad-signature' });
    // What an edited receipt names is not proven by it.
    expect(edited).toMatchObject({ verified: 11, unexpected: [keyOf(5)] });
    rmSync(fileOf(receiptsKey(space, 1, 5)));
    expect((await verify()).chain.problems).toContainEqual(
      expect.objectContaining({ line: 1, seq: 6, kind: 'out-of-sequence' }),
    );
  });

  it('shows receipts cut off at the end by their objects, by the ledger, and by an end that is known', async () => {
    rmSync(fileOf(receiptsKey(space, 6, 12)));
    const alone = await verify({ manifests: 'when-present' });
    expect(alone.chain).toMatchObject({ ok: true, receipts: 5 });
    expect(alone.unexpected.filter((one) => one.endsWith('.dcm'))).toHaveLength(7);
    expect(await verify({ receipts: lines })).toMatchObject({ ok: true, receipts: 12, storedChain: { receipts: 5 } });
    expect((await verify({ expectEnd: end })).chain.problems).toMatchObject([{ kind: 'cut-short', seq: 12 }]);
  });

  it('takes bundles that overlap, and names an altered copy among them', async () => {
    await putReceipts(1, 12);
    await putReceipts(4, 8);
    expect(await verify()).toMatchObject({ ok: true, receipts: 12 });
    const bundle = receiptsKey(space, 4, 8);
    replace(bundle, readFileSync(fileOf(bundle), 'utf8').replace('"CT1"', '"CT2"'));
    expect((await verify()).chain).toMatchObject({ ok: false, problems: expect.arrayContaining([expect.anything()]) });
  });

  it('leaves out what other stores hold, but not from the chain', async () => {
    const other = signReceipt(receiptDraft('site/x', 'x', { store: 'elsewhere' }), end, 'site', key);
    expect(await verify({ receipts: [...lines, other.line] })).toMatchObject({ ok: true, receipts: 13, objects: 12 });
  });

  it('says so when two receipts contradict each other, and takes the same delivery twice', async () => {
    const again = signReceipt({ ...receiptDraft(keyOf(0), 'instance 1 of 1.2.1') }, end, 'site', key);
    const against = signReceipt(receiptDraft(keyOf(1), 'something else'), again.end, 'site', key);
    expect(await verify({ receipts: [...lines, again.line] })).toMatchObject({ ok: true, objects: 12 });
    expect(await verify({ receipts: [...lines, again.line, against.line] })).toMatchObject({
      ok: false,
      corrupt: [{ key: keyOf(1), seq: 14, reason: 'receipts 2 and 14 say different things of it' }],
    });
  });

  describe('what split applications made', () => {
    const study = '2.25.1';
    const steps = [
      { name: 'ct', version: '1.0.0', detail: 'split application, study, revision 1' },
      { name: 'deidentify', version: '1', detail: 'basic' },
    ];
    const report = 'site/studies/2.25.1/results/ct/1.0.0/report.json';
    const picture = 'site/studies/2.25.1/results/ct/1.0.0/images/key-1.png';
    const segmentation = 'site/studies/2.25.1/series/2.25.2/2.25.3.dcm';

    async function deliverResult(objectKey: string, uids: Partial<ReceiptDraft> = {}, storeName = 'cloud') {
      const content = Buffer.from(`made: ${objectKey}`);
      if (storeName === 'cloud') await put(objectKey, content);
      const draft = receiptDraft(objectKey, content, {
        ...{ sopInstanceUid: undefined, seriesInstanceUid: undefined, studyInstanceUid: study, steps },
        ...uids,
        store: storeName,
      });
      const signed = signReceipt({ ...draft, received: { ...draft.received, peer: '' } }, end, 'site', key);
      receipts.push(signed.receipt);
      lines.push(signed.line);
      end = signed.end;
    }

    beforeEach(async () => {
      await deliverResult(report);
      await deliverResult(picture);
      await deliverResult(segmentation, { sopInstanceUid: '2.25.3', seriesInstanceUid: '2.25.2' });
      await put(manifestKey(space, study), manifestOf(study).bytes);
      await putReceipts(13, 15);
    });

    it('is proved like what was received', async () => {
      expect(await verify()).toMatchObject({
        ...{ ok: true, objects: 15, verified: 15, unexpected: [] },
        manifests: { expected: 4, verified: 4 },
      });
    });

    it('is named when it is missing, altered, or not in the manifest', async () => {
      rmSync(fileOf(report));
      replace(picture, 'another picture');
      const found = await verify();
      expect(found.missing).toEqual([{ key: report, seq: 13, reason: 'there is no such object' }]);
      expect(found.corrupt).toMatchObject([{ key: picture, seq: 14 }]);
      expect(found).toMatchObject({ ok: false, verified: 13 });
      const { signature: _, ...manifest } = manifestOf(study).manifest;
      const changed = { ...manifest, objects: manifest.objects.filter((object) => object.key !== report) };
      const signed = canonicalJson({ ...changed, signature: signCanonical(changed, key.privateKey) });
      replace(manifestKey(space, study), signed);
      expect((await verify()).manifests.bad).toEqual([
        { key: manifestKey(space, study), reason: `it does not name ${report}, which has receipt 13` },
      ]);
      rmSync(fileOf(manifestKey(space, study)));
      expect((await verify()).manifests.missing).toEqual([manifestKey(space, study)]);
    });

    describe('in a store that must not read receipts about others', () => {
      const bundle = () => readdirSync(fileOf('site/receipts')).filter((name) => name.includes('000000000016'));
      /** Receipts 16 to 20: 17 to 19 are about originals elsewhere. */
      beforeEach(async () => {
        await deliverResult(`${report}.2`);
        for (const seq of [17, 18, 19]) {
          const content = Buffer.from(`original ${seq}`);
          const draft = receiptDraft(`site/studies/1.2.840.77/series/1/${seq}.dcm`, content, {
            ...{ studyInstanceUid: '1.2.840.77', store: 'vault' },
          });
          const signed = signReceipt(draft, end, 'site', key);
          receipts.push(signed.receipt);
          lines.push(signed.line);
          end = signed.end;
        }
        await deliverResult(`${report}.3`);
        await put(manifestKey(space, study), manifestOf(study).bytes);
        await putWithDigests(16, 20);
      });

      async function putWithDigests(first: number, last: number): Promise<void> {
        const given = receipts.slice(first - 1, last).map((receipt, index) => {
          const line = lines[first - 1 + index] ?? '';
          const isGiven = mayRead(receipt, { name: 'cloud', isIdentifiable: false });
          return `${isGiven ? line : signReceiptDigest(receipt, line, 'cloud', key)}\n`;
        });
        const body = Buffer.from(given.join(''));
        await put(receiptsKey(space, first, last, sha256(body)), body);
      }
      const stored = () => fileOf(`site/receipts/${bundle()[0]}`);
      const edit = (change: (given: string[]) => string[]) => {
        const given = readFileSync(stored(), 'utf8').trimEnd().split('\n');
        writeFileSync(
          stored(),
          change(given)
            .map((line) => `${line}\n`)
            .join(''),
        );
      };
      const problems = async () => (await verify()).chain.problems.map(({ seq, kind }) => `${seq} ${kind}`);

      it('is proved by the receipts there and by the ledger, which say nothing of the originals there', async () => {
        expect(bundle()).toEqual([expect.stringMatching(/^000000000016-000000000020\.[0-9a-f]{8}\.jsonl$/)]);
        expect(readFileSync(stored(), 'utf8')).not.toMatch(/1\.2\.840|vault|CT1/);
        expect(await verify({ expectEnd: end })).toMatchObject({
          ...{ ok: true, objects: 17, verified: 17, receipts: 20, unexpected: [] },
          chain: { ok: true, withheld: 3, end },
        });
        expect(await verify({ receipts: lines })).toMatchObject({
          ...{ ok: true, receipts: 20, chain: { withheld: 0 } },
          storedChain: { ok: true, receipts: 20, withheld: 3, end },
        });
      });

      it('takes bundles that overlap, with and without digests', async () => {
        await putReceipts(14, 20);
        await putWithDigests(15, 18);
        await putWithDigests(1, 20);
        expect(await verify()).toMatchObject({ ok: true, receipts: 20 });
      });

      it('shows an object that is taken away, whatever is put in the place of its receipt', async () => {
        rmSync(fileOf(`${report}.3`));
        expect((await verify()).missing).toMatchObject([{ key: `${report}.3`, seq: 20 }]);
        const [, digest = ''] = readFileSync(stored(), 'utf8').split('\n');
        const last = receipts[19];
        if (!last) throw new Error('no receipt');
        // By somebody without the key: the digest's text is right, only nobody signed it.
        const forged = signReceiptDigest(last, lines[19] ?? '', 'cloud', { ...generateSigningKey(), keyId: key.keyId });
        edit((given) => given.with(4, forged));
        expect(await problems()).toEqual(['20 bad-signature']);
        edit((given) => given.with(4, digest));
        expect(await problems()).toEqual(['17 out-of-sequence']);
        edit((given) => given.slice(0, 4));
        expect(await verify({ expectEnd: end })).toMatchObject({ chain: { problems: [{ kind: 'cut-short' }] } });
        // A digest that was made for another store.
        edit((given) => [...given, signReceiptDigest(last, lines[19] ?? '', 'vault', key)]);
        expect(await problems()).toEqual(['20 misplaced-digest']);
      });

      it('shows digests that are edited, left out or put in another order', async () => {
        const before = readFileSync(stored(), 'utf8');
        const cases: Array<[(given: string[]) => string[], string[]]> = [
          [(given) => given.toSpliced(2, 1), ['19 out-of-sequence']],
          [
            (given) => given.with(1, given[2] ?? '').with(2, given[1] ?? ''),
            ['18 out-of-sequence', '17 out-of-sequence', '19 out-of-sequence'],
          ],
          [(given) => given.with(2, (given[2] ?? '').replace('"seq":18', '"seq":180')), ['180 bad-signature']],
          [(given) => given.with(2, (given[2] ?? '').replace(/"sha256":"./, '"sha256":"g')), ['undefined malformed']],
        ];
        for (const [change, expected] of cases) {
          edit(change);
          expect(await problems()).toEqual(expect.arrayContaining(expected));
          expect((await verify()).ok).toBe(false);
          writeFileSync(stored(), before);
        }
        expect((await verify()).ok).toBe(true);
      });
    });
  });

  it('proves nothing when the store is unavailable, and goes on when it will not give one object', async () => {
    const failing = (error: Error): ObjectStore => ({
      ...store,
      get: async function* (objectKey: string) {
        if (objectKey !== keyOf(3)) return yield* store.get(objectKey);
        throw error;
      },
    });
    const gone = storeError('store.unreachable', 'gone', { operation: 'get' });
    await expect(verify({ store: failing(gone) })).rejects.toMatchObject({ code: 'store.unreachable' });
    const report = await verify({ store: failing(storeError('store.server-error', '500', { operation: 'get' })) });
    expect(report).toMatchObject({ ok: false, verified: 11, unreadable: [{ key: keyOf(3), seq: 4, reason: '500' }] });
  });

  it('stops when told to', async () => {
    await expect(verify({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'store.aborted' });
  });
});
