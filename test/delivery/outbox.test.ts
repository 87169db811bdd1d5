import { describe, expect, it } from 'vitest';
import type { FromCourier, JobFailure } from '../../src/delivery/courierProtocol.ts';
import { Outbox } from '../../src/delivery/outbox.ts';

const failure = (id: number): JobFailure => ({
  id,
  code: 'store.test',
  message: '',
  permanent: false,
  storeUnavailable: false,
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('outbox', () => {
  it('gathers what is said while a message is on its way', async () => {
    const sent: FromCourier[] = [];
    let taken = () => {};
    const outbox = new Outbox((message) => {
      sent.push(message);
      return new Promise((resolve) => {
        taken = resolve;
      });
    });
    outbox.failed(failure(0));
    await turn();
    for (let id = 1; id <= 300; id++) outbox.failed(failure(id));
    await turn();
    expect(sent).toHaveLength(1);
    taken();
    await turn();
    taken();
    await turn();
    expect(sent.map((message) => (message.type === 'failed' ? message.failures.length : 0))).toEqual([1, 256, 44]);
  });

  it('leaves no word unsaid, at whatever step of the message before it is said', async () => {
    for (let steps = 0; steps < 10; steps++) {
      const said: number[] = [];
      const outbox = new Outbox(async (message) => {
        if (message.type === 'failed') said.push(...message.failures.map(({ id }) => id));
        if (said.length > 1) return;
        void (async () => {
          for (let step = 0; step < steps; step++) await undefined;
          outbox.failed(failure(2));
        })();
      });
      outbox.failed(failure(1));
      await turn();
      await turn();
      await turn();
      expect(said, `said after ${steps} steps`).toEqual([1, 2]);
    }
  });

  it('is done when the gateway is gone', async () => {
    const outbox = new Outbox(() => Promise.reject(new Error('closed')));
    outbox.failed(failure(1));
    await outbox.flush();
  });
});
