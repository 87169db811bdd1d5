import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandField, encodeCommandSet } from '../../src/dicom/dimse/commandSet.ts';
import { encodePData, pdvHeaderBytes } from '../../src/dicom/dimse/pdvWriter.ts';
import { Requestor } from '../../src/dicom/scu/requestor.ts';
import { dataSet } from '../crash/load.ts';
import type { GatewayProcess } from '../support/gatewayProcess.ts';
import { createSite, type Site } from './site.ts';

const GiB = 2 ** 30;
const rssLimitMb = 350;
const rawStorage = '1.2.840.10008.5.1.4.1.1.66';

/** Peak resident memory of a process and its children, in MB. */
function peakRssMb(pid: number): number {
  const peak = (of: number) =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${of}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return [pid, ...children.map(Number)].reduce((sum, each) => sum + peak(each), 0);
}

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1));

async function open(gateway: GatewayProcess): Promise<Requestor> {
  const { listeners } = await gateway.status();
  const target = {
    host: '127.0.0.1',
    port: portOf(listeners[0]?.address ?? ''),
    callingAeTitle: 'BIG',
    calledAeTitle: 'MEDUSA',
  };
  return Requestor.open(target, [{ id: 1, abstractSyntax: rawStorage, transferSyntaxes: ['1.2.840.10008.1.2.1'] }]);
}

const storeCommand = (uid: string, messageId: number) =>
  encodeCommandSet({
    commandField: commandField.cStoreRq,
    messageId,
    priority: 0,
    affectedSopClassUid: rawStorage,
    affectedSopInstanceUid: uid,
    commandDataSetType: 0,
  });

/** A data set of `size` bytes that is never in memory: a small head, and then the same block again and again. */
function* hugeInstance(requestor: Requestor, uid: string, size: number): Generator<Buffer> {
  yield encodePData(1, storeCommand(uid, 1), 'command', requestor.payload + 6);
  const head = dataSet(uid, '1.2.3', '1.2.3.4', 0);
  head.writeUInt32LE(size - head.length, head.length - 4);
  const block = Buffer.alloc(requestor.payload, 0x5a);
  yield Buffer.concat([pdvHeaderBytes(1, head.length, 'data-set', false), head]);
  for (let left = size - head.length; left > 0; ) {
    const step = Math.min(left, block.length);
    left -= step;
    yield Buffer.concat([pdvHeaderBytes(1, step, 'data-set', left === 0), block.subarray(0, step)]);
  }
}

describe('bounded memory', () => {
  let site: Site;
  let gateway: GatewayProcess;

  beforeEach(async () => {
    site = createSite('spool: { segmentSize: 128MiB, quota: 4GiB, preallocate: 1, reserve: 0 }\n');
    gateway = await site.start();
  });
  afterEach(() => site.remove());

  test('an instance of 2 GiB', { timeout: 300_000 }, async () => {
    const requestor = await open(gateway);
    const size = 2 * GiB;
    const answer = await requestor.exchange(1, hugeInstance(requestor, '1.2.3.4.5', size));
    expect(answer.status).toBe(0);
    await requestor.release();
    const peak = peakRssMb(gateway.pid);
    console.log(`2 GiB instance: peak RSS ${peak.toFixed(0)} MB, gateway and courier together`);
    expect(peak).toBeLessThan(rssLimitMb);
    expect((await gateway.status()).peers[0]?.bytes).toBe(size);
  });

  test('64 associations at once, half of them slow', { timeout: 300_000 }, async () => {
    const associations = await Promise.all(Array.from({ length: 64 }, () => open(gateway)));
    const stored = await Promise.all(
      associations.map(async (requestor, i) => {
        for (let n = 0; n < 4; n++) {
          const uid = `1.2.${i}.${n}`;
          const bytes = dataSet(uid, '1.2.3', '1.2.3.4', 3_000_000);
          const frames = function* () {
            yield encodePData(1, storeCommand(uid, n + 1), 'command', requestor.payload + 6);
            yield encodePData(1, bytes, 'data-set', requestor.payload + 6);
          };
          const slowly = async function* () {
            for (const frame of frames()) {
              for (let at = 0; at < frame.length; at += 200_000) {
                yield frame.subarray(at, at + 200_000);
                await new Promise((resolve) => setTimeout(resolve, 30));
              }
            }
          };
          const answer = await requestor.exchange(n + 1, i % 2 === 0 ? frames() : slowly());
          if (answer.status !== 0) return answer.status;
        }
        await requestor.release();
        return 0;
      }),
    );
    expect(stored).toEqual(Array.from({ length: 64 }, () => 0));
    const peak = peakRssMb(gateway.pid);
    console.log(`64 associations: peak RSS ${peak.toFixed(0)} MB, gateway and courier together`);
    expect(peak).toBeLessThan(rssLimitMb);
  });
});
