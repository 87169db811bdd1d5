import { expect, it } from 'vitest';
import { peerLimitsInUse } from '../../src/gateway/peerLimitsInUse.ts';

const open = new Map([
  ['CT1', 5],
  ['US1', 3],
  ['XA9', 4],
]);
const peer = (aeTitle: string, limits?: object) => ({ aeTitle, ...(limits ? { limits } : {}) }) as never;

it('associations count under the limit that applies to them', () => {
  const peers = [
    peer('CT1', { associations: 8 }),
    peer('US1', { idleTimeout: 5000 }),
    peer('MR2', { associations: 2 }),
  ];
  expect(peerLimitsInUse(peers, open)).toEqual({
    perPeer: 4,
    own: [
      { entry: 'CT1', values: { associations: 8 }, inUse: { associations: 5 } },
      { entry: 'US1', values: { idleTimeout: 5000 }, inUse: {} },
      { entry: 'MR2', values: { associations: 2 }, inUse: { associations: 0 } },
    ],
  });
});

it('the limit of "*" is that of each AE title without an entry of its own', () => {
  const { perPeer, own } = peerLimitsInUse([peer('*', { associations: 6 }), peer('US1')], open);
  expect(perPeer).toBe(3);
  expect(own).toEqual([{ entry: '*', values: { associations: 6 }, inUse: { associations: 5 } }]);
});
