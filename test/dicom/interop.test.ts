/**
 * A slice of `npm run interop`: real objects in every transfer syntax there is, sent by us and by DCMTK, over TLS and
 * plain, against the listener. What was answered 0000 is there byte for byte.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo } from '../../src/dicom/scu/echo.ts';
import { describeObjectFile } from '../../src/dicom/scu/objectFile.ts';
import { type SentInstance, sendFiles } from '../../src/dicom/scu/sendFiles.ts';
import { type CorpusEntry, corpusEntries, realObjects } from '../support/corpus.ts';
import { dcmsend, dcmtkMissing, echoscu, storescu } from '../support/dcmtkPeers.ts';
import { startListener } from '../support/dicomListener.ts';
import { type DicomTls, makeDicomTls } from '../support/dicomTls.ts';
import { MemoryIntake } from '../support/memoryIntake.ts';

let tls: DicomTls;
beforeAll(async () => {
  tls = await makeDicomTls();
});
afterAll(() => tls.remove());

async function start(kind: 'plain' | 'tls') {
  const intake = new MemoryIntake();
  const running = await startListener({ intake, ...(kind === 'tls' ? { tls: tls.server } : {}) });
  const target = { host: '127.0.0.1', port: running.port, callingAeTitle: 'SLICE', calledAeTitle: 'GATEWAY' };
  return { intake, running, target: { ...target, ...(kind === 'tls' ? { tls: tls.client } : {}) } };
}

/** Three of each transfer syntax. */
function slice(): CorpusEntry[] {
  const bySyntax = Map.groupBy(realObjects(), (entry) => entry.transferSyntaxUid);
  return [...bySyntax.values()].flatMap((entries) => entries.slice(0, 3));
}

/** As it is sent: a deflated data set of odd length is padded (PS3.5 A.5). */
async function sentBytes(path: string): Promise<Buffer> {
  const object = await describeObjectFile(path);
  const bytes = readFileSync(path).subarray(object.offset);
  const isDeflated = object.transferSyntaxUid === '1.2.840.10008.1.2.1.99';
  return isDeflated && bytes.length % 2 === 1 ? Buffer.concat([bytes, Buffer.from([0])]) : bytes;
}

const objects = slice();
const malformed = corpusEntries().filter((entry, i) => entry.isMalformed && i % 10 === 0);

const why = objects.length > 0 ? '' : ' (skipped: no corpus beside the project)';
describe.skipIf(objects.length === 0).each(['plain', 'tls'] as const)(`real objects, %s${why}`, (kind) => {
  it('arrive byte for byte from our own sender, in every transfer syntax', async () => {
    const { intake, running, target } = await start(kind);
    const sent: SentInstance[] = [];
    const paths = objects.map((entry) => entry.absolute);
    const report = await sendFiles({ ...target, paths, associations: 2, onInstance: (one) => sent.push(one) });
    expect(new Set(objects.map((entry) => entry.transferSyntaxUid)).size).toBeGreaterThan(15);
    expect(report.acknowledged).toBeGreaterThan(30);
    expect(intake.stored).toHaveLength(report.acknowledged);
    for (const { file } of sent.filter((one) => one.status === 0)) {
      const bytes = await sentBytes(file);
      const object = await describeObjectFile(file);
      const there = intake.stored.filter((one) => one.header.sopInstanceUid === object.sopInstanceUid);
      const same = there.filter((one) => one.header.transferSyntaxUid === object.transferSyntaxUid);
      expect(
        same.some((one) => one.dataSet?.equals(bytes)),
        file,
      ).toBe(true);
    }
    await echo(target);
    await running.stop();
  });

  it('that are malformed get a defined answer, and C-ECHO still works', async () => {
    const { intake, running, target } = await start(kind);
    const paths = malformed.map((entry) => entry.absolute);
    const report = await sendFiles({ ...target, paths });
    expect(report.acknowledged + report.failed.length).toBe(paths.length);
    expect(intake.stored).toHaveLength(report.acknowledged);
    for (const { reason } of report.failed) expect(reason).not.toMatch(/within .* ms|broke the connection off/);
    await echo(target);
    await running.stop();
  });

  it.skipIf(dcmtkMissing() !== undefined)('arrive from DCMTK', async () => {
    const { intake, running } = await start(kind);
    const target = { port: running.port, called: 'GATEWAY', ...(kind === 'tls' ? { tls: tls.pki.client } : {}) };
    expect((await echoscu(target)).ok).toBe(true);
    const uncompressed = objects.filter((entry) => /^1\.2\.840\.10008\.1\.2(\.1|\.2)?$/.test(entry.transferSyntaxUid));
    const paths = uncompressed.map((entry) => entry.absolute);
    const result = await (kind === 'tls' ? storescu(target, paths, ['-nh']) : dcmsend(target, paths, ['--no-halt']));
    expect(intake.stored.length, result.output).toBeGreaterThan(4);
    await running.stop();
  });
});
