import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryLog } from '../../src/base/log.ts';
import { realDisk } from '../../src/delivery/appendFile.ts';
import { CHAIN_START } from '../../src/delivery/receipt.ts';
import { verifyChain } from '../../src/delivery/receiptChain.ts';
import { type LedgerOptions, ReceiptLedger } from '../../src/delivery/receiptLedger.ts';
import { generateSigningKey } from '../../src/delivery/signingKey.ts';
import { receiptDraft } from '../support/receipts.ts';

const key = generateSigningKey();
const { log, lines: logged } = createMemoryLog();
let directory: string;
let file: string;
const opened: ReceiptLedger[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'medusa-ledger-'));
  file = join(directory, 'ledger.jsonl');
  logged.length = 0;
});
afterEach(async () => {
  for (const ledger of opened.splice(0)) await ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(more: Partial<LedgerOptions> = {}): Promise<ReceiptLedger> {
  const ledger = await ReceiptLedger.open({ directory, site: 'site', key, log, ...more });
  opened.push(ledger);
  return ledger;
}

let made = 0;
const drafts = (count: number) => Array.from({ length: count }, () => receiptDraft(`object-${++made}`, `${made}`));

async function linesOf(ledger: ReceiptLedger, from?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line } of ledger.read(from)) lines.push(line);
  return lines;
}

async function expectSound(ledger: ReceiptLedger, count: number): Promise<void> {
  const report = await verifyChain(await linesOf(ledger), key.publicKey);
  expect(report).toMatchObject({ ok: true, receipts: count, end: ledger.end });
}

describe('receipt ledger', () => {
  it('begins empty, keeps what is appended, and goes on with the same chain after a restart', async () => {
    const first = await open();
    expect(first.end).toEqual(CHAIN_START);
    expect(await linesOf(first)).toEqual([]);
    const receipts = await first.append(drafts(3));
    expect(receipts.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    await first.close();
    await expect(first.append(drafts(1))).rejects.toMatchObject({ code: 'ledger.closed' });

    const second = await open();
    expect(second.end).toEqual(first.end);
    await second.append(drafts(2));
    await expectSound(second, 5);
    expect((await linesOf(second, 4)).map((line) => JSON.parse(line).seq)).toEqual([4, 5]);
    expect(await linesOf(second, 6)).toEqual([]);
  });

  it('is durable before it says so, and shares one sync among appends that wait', async () => {
    let syncs = 0;
    const datasync = (fd: number) => {
      syncs++;
      return realDisk.datasync(fd);
    };
    const disk = { ...realDisk, datasync };
    const ledger = await open({ disk });
    const results = await Promise.all(Array.from({ length: 50 }, () => ledger.append(drafts(2))));
    expect(results.flat().map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(syncs).toBeGreaterThan(0);
    expect(syncs).toBeLessThan(5);
    await expectSound(ledger, 100);
  });

  it('does not let one draft that cannot be signed stop the others', async () => {
    const ledger = await open();
    const bad = receiptDraft('bad', 'x', { version: Number.NaN });
    const all = await Promise.allSettled([ledger.append(drafts(1)), ledger.append([bad]), ledger.append(drafts(1))]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await expectSound(ledger, 2);
  });

  it('splits what waits into appends of bounded size, in order', async () => {
    const sizes: number[] = [];
    const write: typeof realDisk.write = (fd, bytes, offset, length, position) => {
      sizes.push(length);
      return realDisk.write(fd, bytes, offset, length, position);
    };
    const ledger = await open({ disk: { ...realDisk, write } });
    const steps = [{ name: 'x'.repeat(300_000), version: '1', detail: '' }];
    const appends = Array.from({ length: 10 }, (_, i) => ledger.append([receiptDraft(`k${i}`, 'x', { steps })]));
    const receipts = (await Promise.all(appends)).flat();
    expect(receipts.map(({ delivered }) => delivered.key)).toEqual(Array.from({ length: 10 }, (_, i) => `k${i}`));
    expect(sizes).toHaveLength(4);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1 << 20);
    await expectSound(ledger, 10);
  });

  it('cuts off a torn last line at every length, says so, and goes on', async () => {
    const ledger = await open();
    await ledger.append(drafts(2));
    const good = statSync(file).size;
    const { end } = ledger;
    await ledger.append(drafts(1));
    await ledger.close();
    const whole = readFileSync(file);
    for (const length of [1, 2, 100, whole.length - good - 1]) {
      writeFileSync(file, whole.subarray(0, good + length));
      const reopened = await open();
      expect(reopened.end).toEqual(end);
      expect(statSync(file).size).toBe(good);
      expect(logged.at(-1)).toMatchObject({ event: 'ledger.torn-tail', bytes: length, lastSeq: 2 });
      await reopened.append(drafts(1));
      await expectSound(reopened, 3);
      await reopened.close();
    }
  });

  it('cuts off blocks of the last append that were never written, even when later blocks were', async () => {
    const ledger = await open();
    await ledger.append(drafts(1));
    const good = statSync(file).size;
    await ledger.append(drafts(3));
    await ledger.close();
    const whole = readFileSync(file);
    writeFileSync(file, whole.fill(0, good + 10, good + 200));
    const reopened = await open();
    expect(reopened.end.seq).toBe(1);
    await reopened.append(drafts(1));
    await expectSound(reopened, 2);
  });

  it('refuses damage that no interrupted append explains, and leaves the file as it is', async () => {
    const ledger = await open();
    await ledger.append(drafts(5));
    await ledger.close();
    const text = readFileSync(file, 'utf8');
    const lines = text.split('\n');
    const damaged = [
      text.replace('medusa.receipt/1', 'medusa.receipt/9'),
      lines.toSpliced(2, 1).join('\n'),
      lines
        .with(1, lines[2] ?? '')
        .with(2, lines[1] ?? '')
        .join('\n'),
      lines.with(4, 'garbage').join('\n'),
      `${text}garbage\n`,
      lines.with(2, (lines[2] ?? '').replace('"CT1"', '"CT2"')).join('\n'),
    ];
    for (const content of damaged) {
      writeFileSync(file, content);
      await expect(open()).rejects.toMatchObject({ code: 'ledger.corrupt', subject: file });
      expect(readFileSync(file, 'utf8')).toBe(content);
    }
  });

  it('does not take unwritten blocks for a torn tail when more is behind them than one append can hold', async () => {
    const ledger = await open();
    await ledger.append(drafts(2));
    await ledger.close();
    appendFileSync(file, Buffer.alloc((1 << 20) - 10));
    appendFileSync(file, `\n${'x'.repeat(100)}\n`);
    await expect(open()).rejects.toMatchObject({ code: 'ledger.corrupt' });
  });

  it('refuses to mix its chain with another key or another site', async () => {
    await (await open()).append(drafts(1));
    await expect(open({ site: 'other' })).rejects.toMatchObject({ code: 'ledger.foreign' });
    await expect(open({ key: generateSigningKey() })).rejects.toMatchObject({ code: 'ledger.foreign' });
  });

  it('refuses one append that is beyond all measure', async () => {
    const ledger = await open();
    const steps = [{ name: 'x'.repeat(1 << 20), version: '1', detail: '' }];
    await expect(ledger.append([receiptDraft('k', 'x', { steps })])).rejects.toMatchObject({
      code: 'ledger.append-too-large',
      retryable: false,
    });
    await ledger.append(drafts(1));
    await expectSound(ledger, 1);
  });
});

describe('rotation of the ledger', () => {
  const rotateBytes = 3000;

  it('begins new files by size, reads across them, and survives a restart at any point', async () => {
    for (let restarts = 0; restarts < 6; restarts++) {
      const ledger = await open({ rotateBytes });
      for (let i = 0; i < 3; i++) await ledger.append(drafts(1));
      await expectSound(ledger, (restarts + 1) * 3);
      await ledger.close();
    }
    const names = readdirSync(directory).sort();
    expect(names.length).toBeGreaterThan(3);
    expect(names[0]).toBe('ledger-000000000001.jsonl');
    // A power cut between the renaming and the new file.
    const [last = ''] = names.filter((name) => name !== 'ledger.jsonl').slice(-1);
    rmSync(file);
    const ledger = await open({ rotateBytes });
    const lastLine = readFileSync(join(directory, last), 'utf8').trimEnd().split('\n').at(-1) ?? '';
    expect(ledger.end.seq).toBe(JSON.parse(lastLine).seq);
    await ledger.append(drafts(1));
    await expectSound(ledger, ledger.end.seq);
  });

  it('lets a reader finish while appends rotate under it', async () => {
    const ledger = await open({ rotateBytes });
    await ledger.append(drafts(3));
    let seen = 0;
    for await (const { receipt } of ledger.read()) {
      expect(receipt.seq).toBe(++seen);
      await ledger.append(drafts(2));
    }
    expect(seen).toBe(3);
    await expectSound(ledger, 9);
  });

  it('notices a file that is missing or damaged, but lets the oldest be taken away', async () => {
    const ledger = await open({ rotateBytes });
    for (let i = 0; i < 20; i++) await ledger.append(drafts(1));
    await ledger.close();
    const [oldest = '', second = ''] = readdirSync(directory).sort();
    const content = readFileSync(join(directory, second));
    rmSync(join(directory, second));
    await expect(open({ rotateBytes })).rejects.toMatchObject({ code: 'ledger.corrupt' });
    writeFileSync(join(directory, second), content);
    truncateSync(join(directory, second), content.length - 5);
    await expect(open({ rotateBytes })).rejects.toMatchObject({ code: 'ledger.corrupt' });
    writeFileSync(join(directory, second), content);
    rmSync(join(directory, oldest));
    const reopened = await open({ rotateBytes });
    expect(JSON.parse((await linesOf(reopened))[0] ?? '').seq).toBe(Number(second.slice(7, 19)));
    expect((await verifyChain(await linesOf(reopened), key.publicKey)).problems[0]?.kind).toBe('out-of-sequence');
  });
});

describe('a disk that fails', () => {
  const failure = (code: string) => Object.assign(new Error(code), { code });

  it('leaves file and chain as they were, partial writes taken back, and the same append works later', async () => {
    let fail: string | undefined;
    const disk = {
      ...realDisk,
      write: async (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
        if (!fail) return realDisk.write(fd, bytes, offset, length, position);
        if (offset > 0) throw failure(fail);
        return realDisk.write(fd, bytes, offset, Math.min(length, 100), position);
      },
    };
    const ledger = await open({ disk });
    await ledger.append(drafts(2));
    const before = readFileSync(file);
    const end = ledger.end;
    fail = 'ENOSPC';
    const refused = await Promise.allSettled([ledger.append(drafts(1)), ledger.append(drafts(1))]);
    for (const result of refused) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ledger.full', retryable: true } });
    }
    fail = 'EIO';
    await expect(ledger.append(drafts(1))).rejects.toMatchObject({ code: 'ledger.write', retryable: true });
    expect(readFileSync(file)).toEqual(before);
    expect(ledger.end).toEqual(end);
    fail = undefined;
    await ledger.append(drafts(1));
    await expectSound(ledger, 3);
  });

  it('takes back what a failed sync left, before anything else is written, even when taking back failed at first', async () => {
    let failing = false;
    const disk = {
      ...realDisk,
      datasync: (fd: number) => (failing ? Promise.reject(failure('EIO')) : realDisk.datasync(fd)),
      truncate: (fd: number, size: number) => (failing ? Promise.reject(failure('EIO')) : realDisk.truncate(fd, size)),
    };
    const ledger = await open({ disk });
    await ledger.append(drafts(1));
    failing = true;
    await expect(ledger.append(drafts(20))).rejects.toMatchObject({ code: 'ledger.write' });
    await expect(ledger.append(drafts(20))).rejects.toMatchObject({ code: 'ledger.write' });
    expect((await linesOf(ledger)).length).toBe(1);
    failing = false;
    await ledger.append(drafts(1));
    await expectSound(ledger, 2);
    await ledger.close();
    await expectSound(await open(), 2);
  });

  it('is a full file system for real (needs root, to mount a small one)', async (context) => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]).status === 0;
    if (!mounted) return context.skip('cannot mount a tmpfs');
    try {
      const ledger = await open();
      let written = 0;
      const fill = async () => {
        for (;;) written += (await ledger.append(drafts(1))).length;
      };
      await expect(fill()).rejects.toMatchObject({ code: 'ledger.full', retryable: true });
      await expectSound(ledger, written);
      spawnSync('mount', ['-o', 'remount,size=128k', directory]);
      await ledger.append(drafts(1));
      await ledger.close();
      await expectSound(await open(), written + 1);
    } finally {
      for (const ledger of opened.splice(0)) await ledger.close();
      spawnSync('umount', [directory]);
    }
  });
});
