/** Invariant 4: what a peer sends, or does not read, must not gather in memory; and a peer that we hold back is not idle. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFileMeta } from '../../../src/dicom/dataSet/fileMeta.ts';
import { sendFiles } from '../../../src/dicom/scu/sendFiles.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { dataSet, header, secondaryCapture } from '../../support/dataSets.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, dataPdus, echoRq, RawPeer, storeCommand } from '../../support/rawPeer.ts';

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

async function start(options: Omit<Parameters<typeof startListener>[0], 'intake'> = {}) {
  const intake = new MemoryIntake({ keep: false });
  const running = await startListener({ intake, ...options });
  cleanUp.push(() => running.stop());
  return { intake, running };
}

async function associated(running: TestListener): Promise<RawPeer> {
  const peer = await RawPeer.connect(running.port);
  cleanUp.push(() => peer.destroy());
  peer.send(associateRq());
  expect(await peer.answer()).toBe('AC');
  return peer;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when `value` has been the same for a while. */
async function settled(value: () => number): Promise<number> {
  for (;;) {
    const before = value();
    await pause(300);
    if (value() === before) return before;
  }
}

/** A Part 10 file whose pixel data are a hole of `bytes`. */
function sparseFile(bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'sparse-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'large.dcm');
  const meta = {
    sopClassUid: secondaryCapture,
    sopInstanceUid: '1.2.3.4.5',
    transferSyntaxUid: uid.explicitVrLittleEndian,
  };
  const head = Buffer.concat([encodeFileMeta(meta), header('explicit', 0x7fe00010, 'OW', bytes)]);
  writeFileSync(path, head);
  truncateSync(path, head.length + bytes);
  return path;
}

describe.each(['shared-buffer', 'data-events'] as const)('back-pressure, read by %s', (reading) => {
  it('stops the sender while the intake is full, and memory stays flat', async () => {
    const { intake, running } = await start({ reading });
    const size = 256 * 1024 * 1024;
    const path = sparseFile(size);
    intake.full = true;
    const before = process.memoryUsage();
    const target = { host: '127.0.0.1', port: running.port, callingAeTitle: 'SCU', calledAeTitle: 'GATEWAY' };
    const sending = sendFiles({ ...target, paths: [path] });
    await intake.until(() => intake.taken > 0);
    const taken = await settled(() => intake.taken);
    // One socket buffer may still have been on its way; the rest of 256 MB waits at the sender.
    expect(taken).toBeLessThan(4 * 1024 * 1024);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(96 * 1024 * 1024);
    intake.full = false;
    expect(await sending).toMatchObject({ sent: 1, acknowledged: 1, failed: [], bytes: size + 12 });
    expect(intake.stored[0]?.bytes).toBe(size + 12);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(96 * 1024 * 1024);
  });
});

describe('a peer that does not read its answers', () => {
  it('is held back instead of being answered into memory', async () => {
    const { running } = await start();
    const peer = await associated(running);
    peer.socket.pause();
    const echoes = () => [...running.listener.associations][0]?.counters.echoes ?? 0;
    const count = 400_000;
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => echoRq()));
    for (let i = 0; i < count / 1000; i++) peer.send(thousand);
    const answered = await settled(echoes);
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(count * 0.75); // what the two socket buffers hold, and no more
    peer.socket.removeAllListeners('data').on('data', () => {});
    peer.socket.resume();
    while (echoes() < count) await pause(20);
  });

  it('is aborted when it stays like that', async () => {
    const { running } = await start({ limits: { idleMs: 300, artimMs: 100 } });
    const peer = await associated(running);
    peer.socket.pause();
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => echoRq()));
    for (let i = 0; i < 400; i++) peer.send(thousand);
    expect((await running.logged('association.aborted')).msg).toContain('nothing received for 300 ms');
  });
});

describe('idle time-out', () => {
  it('aborts an association on which nothing comes', async () => {
    const { running } = await start({ limits: { idleMs: 200 } });
    const peer = await associated(running);
    expect(await peer.answer()).toBe('ABORT 0/0');
    peer.destroy();
    expect((await running.logged('association.aborted')).msg).toContain('nothing received for 200 ms');
  });

  it('aborts a peer that stops in the middle of a data set', async () => {
    const { intake, running } = await start({ limits: { idleMs: 1500 } });
    const peer = await associated(running);
    peer.send(storeCommand(), dataPdus(dataSet('explicit')).subarray(0, 50));
    expect(await peer.answer()).toBe('ABORT 0/0');
    expect(intake.discarded).toBe(1);
  });

  it('does not blame a peer that waits for us: for a full intake, or for an instance to become durable', async () => {
    const { intake, running } = await start({ limits: { idleMs: 6000 } });
    const held = await associated(running);
    const waiting = await associated(running);
    intake.full = true;
    held.send(storeCommand(), dataPdus(dataSet('explicit', { pixels: Buffer.alloc(20_000_000) })));
    await intake.until(() => intake.taken > 0);
    intake.hold();
    waiting.send(storeCommand(), dataPdus(Buffer.alloc(0)));
    await pause(9000); // the listener looks once a second
    intake.full = false;
    intake.release();
    expect(await held.answer()).toBe('status 0000 to 1');
    expect(await waiting.answer()).toBe('status 0000 to 1');
  });
});
