/** The sender against our own listener, and against peers that misbehave. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFileMeta } from '../../../src/dicom/dataSet/fileMeta.ts';
import { echo } from '../../../src/dicom/scu/echo.ts';
import { type SentInstance, sendFiles } from '../../../src/dicom/scu/sendFiles.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { dataSet, deflate, secondaryCapture, transferSyntaxOf } from '../../support/dataSets.ts';
import { startListener, type TestListener } from '../../support/dicomListener.ts';
import { makeDicomTls } from '../../support/dicomTls.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'send-'));
  cleanUp.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

type Written = { path: string; sopInstanceUid: string; data: Buffer };
function writeObject(
  root: string,
  name: string,
  options: Partial<{ syntax: string; data: Buffer; sopClassUid: string }> = {},
): Written {
  const sopInstanceUid = `1.2.3.${[...name].map((c) => c.charCodeAt(0)).join('')}`;
  const sopClassUid = options.sopClassUid ?? secondaryCapture;
  const data = options.data ?? dataSet('explicit', { sopInstanceUid, sopClassUid });
  const path = join(root, name);
  const transferSyntaxUid = options.syntax ?? uid.explicitVrLittleEndian;
  writeFileSync(path, Buffer.concat([encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid }), data]));
  return { path, sopInstanceUid, data };
}

async function start(options: Partial<Parameters<typeof startListener>[0]> = {}) {
  const intake = new MemoryIntake();
  const running = await startListener({ intake, ...options });
  cleanUp.push(() => running.stop());
  return { intake, running };
}
const target = (running: TestListener | { port: number }) => ({
  host: '127.0.0.1',
  port: running.port,
  callingAeTitle: 'SENDER',
  calledAeTitle: 'GATEWAY',
  timeouts: { connectMs: 2000, associateMs: 2000, responseMs: 2000 },
});

describe('sendFiles', () => {
  it.each(['plain', 'tls'])('sends a tree of files as they lie on disk, on %s', async (kind) => {
    const tls = await makeDicomTls();
    cleanUp.push(() => tls.remove());
    const { intake, running } = await start(kind === 'tls' ? { tls: tls.server } : {});
    const root = folder();
    mkdirSync(join(root, 'sub'));
    const objects = [
      writeObject(root, 'a', { data: dataSet('explicit', { pixels: randomBytes(2_000_000) }) }),
      writeObject(root, 'b', { syntax: transferSyntaxOf.implicit, data: dataSet('implicit') }),
      writeObject(root, 'sub/c', { syntax: transferSyntaxOf['big-endian'], data: dataSet('big-endian') }),
      writeObject(root, 'sub/d', { syntax: '1.2.840.10008.1.2.4.90', data: randomBytes(1001) }),
    ];
    writeFileSync(join(root, 'README'), 'no DICOM');
    const seen: SentInstance[] = [];
    const report = await sendFiles({
      ...target(running),
      ...(kind === 'tls' ? { tls: tls.client } : {}),
      paths: [root],
      onInstance: (instance) => seen.push(instance),
    });
    const bytes = objects.reduce((sum, one) => sum + one.data.length, 0);
    expect(report).toMatchObject({ sent: 4, acknowledged: 4, bytes });
    expect(report.failed).toEqual([
      { file: join(root, 'README'), reason: expect.stringMatching(/^not a DICOM object/) },
    ]);
    expect(report.seconds).toBeGreaterThan(0);
    expect(seen.map((one) => [one.file, one.sopInstanceUid, one.status, one.bytes])).toEqual(
      objects.map((one) => [one.path, one.sopInstanceUid, 0, one.data.length]),
    );
    for (const object of objects) {
      const stored = intake.stored.find((one) => one.header.sopInstanceUid === object.sopInstanceUid);
      expect(stored?.dataSet?.equals(object.data)).toBe(true);
    }
    await running.logged('association.released');
    expect(running.lines.filter((line) => line.event === 'association.released')).toHaveLength(1);
  });

  it('pads a deflated data set of odd length', async () => {
    const { intake, running } = await start();
    const root = folder();
    let data: Buffer = Buffer.alloc(0);
    for (let i = 0; data.length % 2 === 0; i++)
      data = deflate(dataSet('explicit', { pixels: randomBytes(100 + i) }), false);
    writeObject(root, 'odd', { syntax: uid.deflatedExplicitVrLittleEndian, data });
    const report = await sendFiles({ ...target(running), paths: [root] });
    expect(report).toMatchObject({ acknowledged: 1, bytes: data.length + 1 });
    expect(intake.stored[0]?.dataSet?.equals(Buffer.concat([data, Buffer.from([0])]))).toBe(true);
  });

  it('respects the longest PDU that the peer takes', async () => {
    const { intake, running } = await start({ limits: { maxPduLength: 100 } });
    const root = folder();
    const object = writeObject(root, 'a', { data: dataSet('explicit', { pixels: randomBytes(10_001) }) });
    expect(await sendFiles({ ...target(running), paths: [root] })).toMatchObject({ acknowledged: 1, failed: [] });
    expect(intake.stored[0]?.dataSet?.equals(object.data)).toBe(true);
  });

  it('sends each object once on several associations at a time', async () => {
    const { intake, running } = await start();
    const root = folder();
    const objects = Array.from({ length: 60 }, (_, i) => writeObject(root, `n${i}`));
    intake.hold();
    const sending = sendFiles({ ...target(running), paths: [root], associations: 5 });
    await intake.until(() => intake.begun === 5);
    await sleep(50);
    expect(intake.begun).toBe(5); // each waits for its answer
    intake.release();
    expect(await sending).toMatchObject({ sent: 60, acknowledged: 60, failed: [] });
    const stored = intake.stored.map((one) => one.header.sopInstanceUid).sort();
    expect(stored).toEqual(objects.map((one) => one.sopInstanceUid).sort());
    await running.logged('association.released');
    while (running.listener.associations.size > 0) await sleep(5);
    expect(running.lines.filter((line) => line.event === 'association.released')).toHaveLength(5);
  });

  it('opens another association when 128 contexts are not enough', async () => {
    const { intake, running } = await start();
    const root = folder();
    for (let i = 0; i < 130; i++) writeObject(root, `c${i}`, { sopClassUid: `1.3.6.1.${i}` });
    expect(await sendFiles({ ...target(running), paths: [root] })).toMatchObject({ acknowledged: 130, failed: [] });
    expect(intake.stored).toHaveLength(130);
    while (running.listener.associations.size > 0) await sleep(5);
    expect(running.lines.filter((line) => line.event === 'association.released')).toHaveLength(2);
  });

  it('goes on after a refusal, and says what was refused and why', async () => {
    const { intake, running } = await start();
    const root = folder();
    writeObject(root, 'a', { sopClassUid: '1.2.840.10008.5.1.4.1.2.2.1' }); // no storage class: its context is refused
    writeObject(root, 'b');
    intake.refuse = 'spool is full';
    const report = await sendFiles({ ...target(running), paths: [root] });
    expect(report).toMatchObject({ sent: 1, acknowledged: 0 });
    expect(report.failed.map((one) => one.reason)).toEqual([
      expect.stringMatching(
        /refused the presentation context .*: it does not take this SOP class; allow it at the peer/,
      ),
      expect.stringMatching(/answered A700H: out of resources; the peer is full/),
    ]);
  });

  it('replaces an association that breaks, and loses only the object that was on it', async () => {
    const { intake, running } = await start({ limits: { instanceBytes: 100_000 } });
    const root = folder();
    writeObject(root, 'a');
    writeObject(root, 'b', { data: dataSet('explicit', { pixels: Buffer.alloc(200_000) }) }); // is aborted
    writeObject(root, 'c');
    const report = await sendFiles({ ...target(running), paths: [root] });
    expect(report).toMatchObject({ acknowledged: 2 });
    expect(report.failed).toEqual([
      {
        file: join(root, 'b'),
        reason: expect.stringMatching(/peer sent A-ABORT \(source 0, reason 0\); look at the peer/),
      },
    ]);
    expect(intake.stored).toHaveLength(2);
  });

  it('stops when it is cancelled, and reports how far it came', async () => {
    const { intake, running } = await start();
    const root = folder();
    for (let i = 0; i < 5; i++) writeObject(root, `${i}`);
    const cancel = new AbortController();
    intake.hold();
    const sending = sendFiles({ ...target(running), paths: [root], signal: cancel.signal });
    await intake.until(() => intake.begun === 1);
    cancel.abort();
    const report = await sending;
    expect(report).toMatchObject({ acknowledged: 0 });
    expect(report.failed).toHaveLength(5);
    expect(report.failed[0]?.reason).toMatch(/cancelled/);
    expect((await running.logged('association.aborted')).msg).toContain('peer sent A-ABORT');
  });
});

/** A server that does with each connection what the test says; `received` are the bytes it got. */
async function badPeer(onConnection: (socket: Socket) => void): Promise<{ port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}
const acceptEcho = encodePdu({
  type: 'associate-ac',
  calledAeTitle: 'X',
  callingAeTitle: 'Y',
  contexts: [{ id: 1, result: 0, transferSyntax: uid.implicitVrLittleEndian }],
  userInformation: { maximumLength: 16384, implementationClassUid: '1', roleSelections: [] },
});

describe('peers that are not there, or not right', () => {
  const answering = (...answers: Buffer[]) =>
    badPeer((socket) => {
      let at = 0;
      socket.on('data', () => {
        const answer = answers[at++];
        if (answer) socket.write(answer);
      });
    });
  const short = { connectMs: 300, associateMs: 300, responseMs: 300 };
  const cases: Array<[string, () => Promise<{ port: number }>, string, RegExp]> = [
    ['nobody there', async () => ({ port: 1 }), 'scu.connection-refused', /nothing listens there/],
    ['a peer that says nothing', () => answering(), 'scu.timeout', /no answer to A-ASSOCIATE-RQ within 300 ms/],
    [
      'a peer that closes at once',
      () => badPeer((socket) => socket.end()),
      'scu.connection-lost',
      /broke the connection off/,
    ],
    [
      'a peer that is no DICOM',
      () => answering(Buffer.from('HTTP/1.1 400 Bad Request\r\n')),
      'scu.aborted',
      /unrecognised PDU type 48H/,
    ],
    [
      'a peer that rejects',
      () => answering(encodePdu({ type: 'associate-rj', result: 2, source: 3, reason: 1 })),
      'scu.rejected',
      /rejected for now: temporary congestion \(result 2, source 3, reason 1\)/,
    ],
    [
      'a peer that aborts',
      () => answering(encodePdu({ type: 'abort', source: 2, reason: 1 })),
      'scu.aborted',
      /peer sent A-ABORT \(source 2, reason 1\)/,
    ],
    ['a peer that never answers the request', () => answering(acceptEcho), 'scu.timeout', /no response within 300 ms/],
    [
      'a peer that releases instead of answering',
      () => answering(acceptEcho, encodePdu({ type: 'release-rq' })),
      'scu.released-by-peer',
      /released/,
    ],
    [
      'a peer that answers with noise',
      () => answering(acceptEcho, Buffer.from('0400000000080000000401030000', 'hex')),
      'scu.aborted',
      /command set/,
    ],
  ];
  it.each(cases)('%s', async (_what, peer, code, message) => {
    const asked = echo({ ...target(await peer()), timeouts: short });
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(asked).rejects.toHaveProperty('operation');
  });

  it('a peer that refuses Verification', async () => {
    const refusing = Buffer.from(acceptEcho);
    refusing[refusing.indexOf(Buffer.from('2100001901', 'hex')) + 6] = 3;
    await expect(echo(target(await answering(refusing)))).rejects.toMatchObject({ code: 'scu.context-refused' });
  });

  it('a peer that stops taking bytes does not keep the sender for ever, nor its memory', async () => {
    const accept = encodePdu({
      type: 'associate-ac',
      calledAeTitle: 'X',
      callingAeTitle: 'Y',
      contexts: [{ id: 1, result: 0, transferSyntax: uid.explicitVrLittleEndian }],
      userInformation: { maximumLength: 0, implementationClassUid: '1', roleSelections: [] },
    });
    const deaf = await badPeer((socket) => {
      socket.once('data', () => {
        socket.write(accept);
        socket.pause();
      });
    });
    const root = folder();
    writeObject(root, 'large', { data: dataSet('explicit', { pixels: Buffer.alloc(60_000_000) }) });
    const before = process.memoryUsage().arrayBuffers;
    const report = await sendFiles({ ...target(deaf), timeouts: { responseMs: 500 }, paths: [root] });
    expect(report.failed[0]?.reason).toMatch(/nothing taken within 500 ms/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
  });

  it('throws when no association came about at all, instead of a report full of one reason', async () => {
    const root = folder();
    writeObject(root, 'a');
    await expect(sendFiles({ ...target({ port: 1 }), paths: [root] })).rejects.toMatchObject({
      code: 'scu.connection-refused',
      retryable: true,
      hint: expect.stringMatching(/check address and port/),
    });
  });

  it('is cancelled before it begins', async () => {
    const { running } = await start();
    await expect(echo({ ...target(running), signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'scu.cancelled',
    });
  });
});
