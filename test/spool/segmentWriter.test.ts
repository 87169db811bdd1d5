import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../src/base/log.ts';
import type { Segment } from '../../src/spool/segmentStore.ts';
import { SegmentStore } from '../../src/spool/segmentStore.ts';
import { SegmentWriter } from '../../src/spool/segmentWriter.ts';
import { content, MiB, temporaryDirectory } from './support.ts';

describe('segment writer', () => {
  let directory: { path: string; remove(): void };
  let store: SegmentStore;
  const events: string[] = [];

  beforeEach(async () => {
    directory = temporaryDirectory();
    const options = { directory: directory.path, segmentSize: 4 * MiB, maxSegments: 4, spares: 3, reserve: 0 };
    store = new SegmentStore({ ...options, log: createMemoryLog().log });
    store.replenish();
    while (store.freeCount < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    events.length = 0;
  });
  afterEach(async () => {
    await store.close();
    directory.remove();
  });

  test('a segment is sealed only when everything in it is durable: what is on its way would be forgotten by a crash', async () => {
    const writer = new SegmentWriter({
      store,
      log: createMemoryLog().log,
      onActive: () => {},
      onSealed: (segment: Segment) => events.push(`sealed ${segment.id}`),
    });
    const payload = content(900_000);
    for (let i = 0; i < 9; i++) {
      let place = 0;
      writer.enqueue({
        type: 'instance',
        meta: () => Buffer.from('{}'),
        metaBound: 2,
        payload: [payload],
        payloadLength: payload.length,
        onPlaced: ({ segment }) => {
          place = segment;
        },
        onDurable: () => events.push(`durable in ${place}`),
        onFailed: (reason) => events.push(reason),
      });
    }
    await writer.idle();
    await writer.seal();
    const sealed = events.filter((event) => event.startsWith('sealed'));
    expect(sealed).toHaveLength(3);
    for (const event of sealed) {
      const id = event.split(' ')[1];
      expect(events.lastIndexOf(`durable in ${id}`), events.join(', ')).toBeLessThan(events.indexOf(event));
    }
  });

  test('a frame that fits no segment fails alone', async () => {
    const writer = new SegmentWriter({ store, log: createMemoryLog().log, onActive: () => {}, onSealed: () => {} });
    const frame = (payloadLength: number) => ({
      type: 'part' as const,
      meta: () => Buffer.from('{}'),
      metaBound: 2,
      payload: [Buffer.alloc(payloadLength)],
      payloadLength,
      onPlaced: () => {},
      onDurable: () => events.push('durable'),
      onFailed: () => events.push('failed'),
    });
    writer.enqueue(frame(4 * MiB));
    writer.enqueue(frame(1_000));
    await writer.idle();
    expect(events).toEqual(['failed', 'durable']);
    expect(store.freeCount).toBe(2);
  });
});
