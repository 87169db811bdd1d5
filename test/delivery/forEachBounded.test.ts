import { describe, expect, it } from 'vitest';
import { forEachBounded } from '../../src/delivery/forEachBounded.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('forEachBounded', () => {
  it('has at most so many calls under way, and takes no item before its turn', async () => {
    let taken = 0;
    let running = 0;
    let most = 0;
    async function* items() {
      for (; taken < 50; taken++) yield taken;
    }
    await forEachBounded(items(), 4, async () => {
      most = Math.max(most, ++running);
      expect(taken).toBeLessThanOrEqual(50);
      await turn();
      running--;
    });
    expect([taken, most, running]).toEqual([50, 4, 0]);
  });

  it('rejects with the first error when what was under way has ended, and takes nothing more', async () => {
    const ended: number[] = [];
    const work = async (item: number) => {
      await turn();
      if (item === 2) throw new Error('second');
      await turn();
      ended.push(item);
    };
    await expect(forEachBounded([1, 2, 3, 4, 5, 6, 7, 8], 3, work)).rejects.toThrow('second');
    expect(ended).toEqual([1, 3]);
  });

  it('waits for what is under way when the items themselves fail', async () => {
    const ended: number[] = [];
    async function* items() {
      yield 1;
      throw new Error('source');
    }
    const work = async (item: number) => {
      await turn();
      ended.push(item);
    };
    await expect(forEachBounded(items(), 3, work)).rejects.toThrow('source');
    expect(ended).toEqual([1]);
  });
});
