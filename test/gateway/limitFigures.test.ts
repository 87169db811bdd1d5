import { expect, it } from 'vitest';
import type { AcceptedAssociation, Knock } from '../../src/dicom/services/acceptedAssociation.ts';
import { rejection } from '../../src/dicom/services/access.ts';
import { limits as limitsSchema } from '../../src/gateway/config/limitsSchema.ts';
import { type CountedLimit, LimitFigures } from '../../src/gateway/limitFigures.ts';

const start = Date.UTC(2026, 10, 24, 12);
const minute = 60_000;
const association = { admitted: true, callingAeTitle: 'CT1', caller: { address: '10.0.0.1' } } as AcceptedAssociation;
const values = { ...limitsSchema.parse({}), bufferMemory: 64 * 2 ** 20, quota: 2 ** 40 };

function figures() {
  let now = start;
  const limits = new LimitFigures(() => now);
  const statusOf = (name: CountedLimit) =>
    limits.statuses(values, { associations: 3 }).find((one) => one.name === name);
  return { limits, statusOf, wait: (ms: number) => (now += ms) };
}

it('has a line for every key under limits, and for the two of the spool that senders feel', () => {
  const { limits } = figures();
  const keys = limits.statuses(values, {}).map(({ key }) => key);
  const expected = [
    ...Object.keys(limitsSchema.shape).map((name) => `limits.${name}`),
    'spool.bufferMemory',
    'spool.quota',
  ];
  expect(keys.sort()).toEqual(expected.sort());
});

it('tells values in their units, and nothing for what is unlimited', () => {
  const { statusOf } = figures();
  expect(statusOf('artimTimeout')).toEqual({
    ...{ name: 'artimTimeout', key: 'limits.artimTimeout', unit: 'seconds', limit: 30, hits: 0 },
  });
  expect(statusOf('associations')).toMatchObject({ limit: 128, inUse: 3 });
  expect(statusOf('associationBytes')).not.toHaveProperty('limit');
});

it('counts hits, and warns for five minutes of those that turn senders away', () => {
  const { limits, statusOf, wait } = figures();
  expect([...limits.recentHits().values()].filter((hit) => hit !== undefined)).toEqual([]);
  limits.onLimit('associations', { address: '10.0.0.1' });
  limits.onLimit('associations', { address: '10.0.0.2' });
  limits.onLimit('idleTimeout', { address: '10.0.0.3' });
  expect(statusOf('associations')).toMatchObject({ hits: 2, lastHitAt: start });
  expect(statusOf('idleTimeout')).toMatchObject({ hits: 1 });
  expect([...limits.recentHits()]).toEqual([
    ['limits.associations', { key: 'limits.associations', count: 2, caller: '10.0.0.2' }],
  ]);
  wait(5 * minute);
  expect([...limits.recentHits()]).toEqual([['limits.associations', undefined]]);
  expect(statusOf('associations')).toMatchObject({ hits: 2 });
});

it("tells a peer's own limit from everybody's of the same name, and who ran into it", () => {
  const { limits } = figures();
  limits.onLimit('idleTimeout', { address: '10.0.0.3', aeTitle: 'US1' });
  limits.onLimit('associations', { address: '10.0.0.1', aeTitle: 'CT1', entry: 'CT1' });
  limits.onLimit('associations', { address: '10.0.0.4', aeTitle: 'XA9', entry: '*' });
  const own = [
    { entry: 'CT1', values: { associations: 2, idleTimeout: 5000 }, inUse: { associations: 1 } },
    { entry: '*', values: { associations: 1 }, inUse: {} },
  ];
  const ofPeers = limits.statuses(values, {}, own).filter(({ peer }) => peer !== undefined);
  expect(ofPeers.map(({ key, peer, limit, inUse, hits }) => [key, peer, limit, inUse, hits])).toEqual([
    ['peers[CT1].limits.associations', 'CT1', 2, 1, 1],
    ['peers[CT1].limits.idleTimeout', 'CT1', 5, undefined, 0],
    ['peers[*].limits.associations', '*', 1, undefined, 1],
  ]);
  expect([...limits.recentHits().values()]).toEqual([
    { key: 'peers[CT1].limits.associations', count: 1, caller: 'CT1 at 10.0.0.1' },
    { key: 'peers[*].limits.associations', count: 1, caller: 'XA9 at 10.0.0.4' },
  ]);
});

it('adds up how long senders were held back, and why', () => {
  const { limits, statusOf } = figures();
  limits.onHeld(association, 'intake', 1500);
  limits.onHeld(association, 'intake', 500);
  limits.onHeld(association, 'answers', 250);
  expect(limits.held).toEqual({
    intake: { times: 2, seconds: 2 },
    answers: { times: 1, seconds: 0.25 },
    window: { times: 0, seconds: 0 },
  });
  expect(statusOf('bufferMemory')).toMatchObject({ hits: 2 });
});

it('a spool that takes no more is a hit of its quota: an A700, or a rejection for congestion', () => {
  const { limits, statusOf } = figures();
  const knock = (kind: keyof typeof rejection) =>
    ({ caller: { address: '10.0.0.1' }, verdict: { admitted: false, rejection: rejection[kind] } }) as Knock;
  limits.onInstance(association, { status: 0xa700 });
  limits.onInstance(association, { status: 0xa700, limit: 'instanceBytes' }); // counted as that
  limits.onInstance(association, { status: 0 });
  limits.onRejected(knock('temporaryCongestion'));
  limits.onRejected(knock('calledAeTitleNotRecognized'));
  expect(statusOf('quota')).toMatchObject({ hits: 2 });
});
