/** `busyMs` of storage results: the time at work, without pauses and without counting anything twice. */
import { expect, it } from 'vitest';
import {
  StorageReceiver,
  type StorageReceiverOptions,
  type StorageResult,
} from '../../../src/dicom/services/storage.ts';
import type { AcceptedContext } from '../../../src/dicom/upperLayer/negotiation.ts';
import { secondaryCapture } from '../../support/dataSets.ts';

const context = { id: 1, abstractSyntax: secondaryCapture, transferSyntax: '1.2.840.10008.1.2.1' } as AcceptedContext;
const settled = () => new Promise((resolve) => setImmediate(resolve));

function receiver(windowSize: number) {
  let now = 0;
  const finishes: Array<() => void> = [];
  const results: StorageResult[] = [];
  const storage = new StorageReceiver({
    host: { send: () => {}, pause: () => {}, resume: () => {}, abort: () => {} } as never,
    intake: {
      begin: () => ({
        write: () => true,
        onDrain: () => {},
        finish: () => new Promise((resolve) => void finishes.push(() => resolve({ kind: 'stored' }))),
        discard: () => {},
      }),
    },
    onResult: (result) => void results.push(result),
    limits: { instanceBytes: 1000 },
    onTooLarge: () => 'limit',
    window: { size: windowSize, hold: () => {}, letGo: (first) => first() },
    peer: 'CT1',
    monotonic: () => now,
  } as Partial<StorageReceiverOptions> as StorageReceiverOptions);
  let id = 0;
  return {
    results,
    wait: (ms: number) => {
      now += ms;
    },
    /** Command and data set; refused instances are answered at once. */
    send(uid = '1.2.3', sendMs = 10, bytes = 100) {
      const command = { commandField: 1, messageId: ++id, commandDataSetType: 0 };
      storage.onCommand(context, {
        ...command,
        affectedSopClassUid: secondaryCapture,
        affectedSopInstanceUid: uid,
      } as never);
      now += sendMs;
      storage.onDataSet(Buffer.alloc(bytes), true);
    },
    async finish(at = 0) {
      finishes.splice(at, 1)[0]?.();
      await settled();
    },
  };
}

it('one after another, with pauses between', async () => {
  const { send, finish, wait, results } = receiver(1);
  for (let i = 0; i < 3; i++) {
    send();
    wait(5);
    await finish();
    wait(1000);
  }
  expect(results.map(({ busyMs, acknowledgeMs }) => [busyMs, acknowledgeMs])).toEqual([
    [15, 5],
    [15, 5],
    [15, 5],
  ]);
});

it('overlapping, and answered in another order', async () => {
  const { send, finish, wait, results } = receiver(4);
  send();
  send();
  wait(5);
  await finish(1);
  wait(7);
  await finish(0);
  wait(1000);
  send();
  await finish();
  expect(results.map(({ busyMs }) => busyMs)).toEqual([25, 7, 10]);
});

it('an instance that is refused on the spot, while another is not durable yet', async () => {
  const { send, finish, wait, results } = receiver(4);
  send();
  send('not a UID');
  wait(5);
  await finish();
  wait(1000);
  send('not a UID');
  expect(results.map(({ status, busyMs }) => [status, busyMs])).toEqual([
    [0x0117, 20],
    [0, 5],
    [0x0117, 10],
  ]);
});

it('a result says when the instance was over its limit', async () => {
  const { send, finish, results } = receiver(1);
  send('1.2.3', 10, 1500);
  send('1.2.3', 10, 100);
  await finish();
  expect(results.map(({ status, limit }) => [status, limit])).toEqual([
    [0xa700, 'instanceBytes'],
    [0, undefined],
  ]);
});
