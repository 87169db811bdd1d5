/** Events of associations in, figures out, with the clock in the test's hand. */
import { describe, expect, it } from 'vitest';
import type { AcceptedAssociation, Knock } from '../../src/dicom/services/acceptedAssociation.ts';
import { type LimitName, rejection } from '../../src/dicom/services/access.ts';
import type { Ending } from '../../src/dicom/services/associationLog.ts';
import type { StorageResult } from '../../src/dicom/services/storage.ts';
import { aeTitlePattern } from '../../src/gateway/config/fields.ts';
import { knownPeers, PeerRegister } from '../../src/gateway/peerFigures.ts';

const minute = 60_000;
const start = Date.UTC(2026, 10, 24, 12);

function reception(known: Parameters<typeof knownPeers>[0] = [{ aeTitle: 'CT1' } as never], saved?: never[]) {
  let now = start;
  const register = new PeerRegister(() => now, knownPeers(known), saved);
  const admit = (aeTitle = 'CT1', address = '10.0.0.1') => {
    const association = { admitted: true, callingAeTitle: aeTitle, caller: { address } } as AcceptedAssociation;
    register.onAdmitted(association);
    return association;
  };
  return {
    register,
    admit,
    wait: (ms: number) => {
      now += ms;
    },
    at: () => now,
    store: (association: AcceptedAssociation, change: Partial<StorageResult> = {}) =>
      register.onInstance(association, {
        ...{ bytes: 1000, status: 0, outcome: { kind: 'stored' }, comment: undefined, acknowledgeMs: 8, busyMs: 100 },
        ...change,
      } as StorageResult),
    close: (association: AcceptedAssociation, ending: Ending = { how: 'released' }) =>
      register.onClosed(association, ending),
    reject: (kind: keyof typeof rejection, aeTitle = 'CT1', limit?: LimitName, identified = true) =>
      register.onRejected({
        request: { callingAeTitle: aeTitle },
        caller: { address: '10.0.0.9' },
        verdict: {
          ...{ admitted: false, rejection: rejection[kind], why: '', hint: '' },
          ...(limit ? { limit } : {}),
          ...(identified ? { identified } : {}),
        },
      } as Knock),
    counters: (aeTitle = 'CT1') => register.all.find((peer) => peer.aeTitle === aeTitle)?.counters,
    link: (aeTitle = 'CT1') => {
      const link = register.innerLink(aeTitle);
      if (!link) throw new Error(`no link of ${aeTitle}`);
      return link;
    },
    minutes: () => {
      const { goodMinutes, badMinutes } = register.innerLink('CT1') ?? {};
      return [goodMinutes, badMinutes];
    },
  };
}

describe('counts', () => {
  it('tell how associations ended and what became of instances', () => {
    const { admit, store, close, reject, counters, register } = reception();
    const endings: Ending[] = [
      { how: 'released' },
      { how: 'aborted', by: 'peer' },
      { how: 'aborted', by: 'us' },
      { how: 'closed', by: 'transport' },
    ];
    for (const ending of endings) {
      const association = admit();
      store(association);
      store(association, { outcome: { kind: 'duplicate' } });
      store(association, { status: 0xa700 });
      close(association, ending);
    }
    admit();
    reject('temporaryCongestion');
    reject('calledAeTitleNotRecognized');
    expect(counters()).toEqual({
      ...{ associations: 5, released: 1, abortedByPeer: 1, abortedByUs: 1, broken: 1 },
      ...{ instances: 8, duplicates: 4, bytes: 8000, refused: { A700H: 4 } },
      rejected: { temporaryCongestion: 1, calledAeTitleNotRecognized: 1 },
    });
    expect([register.total(), register.ofPeer('CT1')]).toEqual([1, 1]);
  });

  it('gather strangers, and peers beyond 512, under one name without a link', () => {
    const { admit, close, reject, counters, register } = reception();
    for (let i = 0; i < 600; i++) close(admit(`AE${i}`));
    for (let i = 0; i < 600; i++) reject('callingAeTitleNotRecognized', `X${i}`, undefined, false);
    expect(register.all.length).toBe(514);
    expect(counters('(all other AE titles)')?.associations).toBe(600 - 511);
    expect(counters('(unidentified callers)')?.rejected).toEqual({ callingAeTitleNotRecognized: 600 });
    expect(register.innerLink('(all other AE titles)')).toBeUndefined();
    expect(register.total()).toBe(0);
  });

  it('of AE titles that are called like the gathered rows are their own', () => {
    const { admit, reject, counters, register } = reception();
    for (const aeTitle of ['(never admitted)', '(others)']) {
      admit(aeTitle);
      expect(register.innerLink(aeTitle)).toBeDefined();
    }
    reject('callingAeTitleNotRecognized', 'X', undefined, false);
    const gathered = register.all.filter(({ aeTitle }) => register.innerLink(aeTitle) === undefined);
    expect(gathered).toHaveLength(1);
    for (const { aeTitle } of gathered) expect(aeTitle).not.toMatch(aeTitlePattern);
    expect(counters('(never admitted)')?.rejected).toEqual({});
  });

  it('are not those of a peer when somebody only names it', () => {
    const { reject, register, counters } = reception();
    reject('callingAeTitleNotRecognized', 'CT1', undefined, false);
    reject('localLimitExceeded', 'CT1', 'presentationContexts', false);
    const ct1 = () => register.all.find(({ aeTitle }) => aeTitle === 'CT1');
    expect(ct1()?.lastSeenAt).toBeUndefined();
    expect(counters()?.rejected).toEqual({});
    expect(counters('(unidentified callers)')?.rejected).toEqual({
      callingAeTitleNotRecognized: 1,
      localLimitExceeded: 1,
    });
    reject('calledAeTitleNotRecognized');
    expect(ct1()?.lastSeenAt).toBe(start);
    expect(counters()?.rejected).toEqual({ calledAeTitleNotRecognized: 1 });
  });

  it('of open associations are right beyond 512 peers, too: a limit rests on them', () => {
    const { admit, close, register } = reception();
    for (let i = 0; i < 600; i++) close(admit(`AE${i}`));
    const first = admit('LATE');
    admit('LATE');
    expect([register.ofPeer('LATE'), register.ofPeer('(all other AE titles)'), register.total()]).toEqual([2, 0, 2]);
    close(first);
    expect(register.ofPeer('LATE')).toBe(1);
  });

  it('a peer of the configuration has a place of its own, whoever came before it', () => {
    const { admit, close, register, counters } = reception();
    admit('AE0');
    for (let i = 1; i < 600; i++) close(admit(`AE${i}`));
    register.meet(['CT1', 'LATE'].map((aeTitle) => ({ aeTitle, addresses: [] })));
    admit('LATE');
    expect(counters('LATE')?.associations).toBe(1);
    expect(counters('CT1')).toBeDefined(); // of the configuration, though never seen
    expect(counters('AE0')).toBeDefined(); // has an association open
    expect(register.all.length).toBeLessThanOrEqual(514);
  });
});

it('after a restart the peers of the configuration come first, then those that were seen last; old ones are forgotten', () => {
  const day = 24 * 60 * minute;
  const before = reception([]);
  before.admit('OLD');
  before.admit('CT1');
  before.wait(31 * day);
  for (let i = 0; i < 600; i++) {
    before.admit(`AE${i}`);
    before.wait(1);
  }
  const now = before.at();
  const known = [
    { aeTitle: 'CT1', addresses: [] },
    { aeTitle: 'NEW', addresses: [] },
  ];
  const after = new PeerRegister(
    () => now,
    known,
    before.register.all.map((peer) => peer.entries()),
  );
  const titles = after.all.map(({ aeTitle }) => aeTitle);
  expect(titles).toHaveLength(512);
  expect(titles.slice(0, 3)).toEqual(['CT1', 'NEW', '(all other AE titles)']);
  expect(titles).not.toContain('OLD');
  expect(after.innerLink('CT1')).toMatchObject({ goodMinutes: 1, since: start });
  expect(after.total()).toBe(0);
});

describe('rates', () => {
  it('are of the time at work, by association, and say how many there were', () => {
    const { admit, store, close, link, wait } = reception();
    for (const busyMs of [100, 100, 100, 100, 1000]) {
      const association = admit();
      store(association, { busyMs });
      wait(10 * minute); // a pause is no slowness
      store(association, { busyMs });
      close(association);
    }
    const { associations24h, bytesPerSecondP50, bytesPerSecondP20, imagesPerSecondP50, tooFewSamples } = link();
    expect(associations24h).toBe(5);
    expect(bytesPerSecondP50).toSatisfy((rate: number) => Math.abs(rate / 10_000 - 1) < 0.03);
    expect(bytesPerSecondP20).toSatisfy((rate: number) => Math.abs(rate / 1000 - 1) < 0.03);
    expect(imagesPerSecondP50).toSatisfy((rate: number) => Math.abs(rate / 10 - 1) < 0.03);
    expect(tooFewSamples).toEqual([
      ...['bytesPerSecondP20', 'imagesPerSecondP20', 'acknowledgeMsP99'],
      ...(link().goodMinutes24h < 10 ? ['availability24h', 'availability'] : []),
    ]);
  });

  it('without samples are left out, and the last minute is 0', () => {
    const link = reception().link();
    expect(link).toMatchObject({ associations24h: 0, bytesPerSecondLastMinute: 0, goodMinutes24h: 0 });
    expect(Object.keys(link)).not.toContain('bytesPerSecondP50');
    expect(Object.keys(link)).not.toContain('availability24h');
    expect(link.tooFewSamples).toHaveLength(8);
  });

  it('of the last minute count all of it', () => {
    const { admit, store, link, wait } = reception();
    const association = admit();
    for (let i = 0; i < 6; i++) store(association, { bytes: 6000 });
    expect(link()).toMatchObject({ bytesPerSecondLastMinute: 600, imagesPerSecondLastMinute: 0.1 });
    wait(2 * minute);
    expect(link().bytesPerSecondLastMinute).toBe(0);
  });

  it('acknowledgement is that of instances that were acknowledged', () => {
    const { admit, store, link } = reception();
    const association = admit();
    for (let i = 1; i <= 100; i++) store(association, { acknowledgeMs: i });
    store(association, { acknowledgeMs: 9999, status: 0xa700 });
    const { acknowledgements24h, acknowledgeMsP50 = 0, acknowledgeMsP99 = 0 } = link();
    expect(acknowledgements24h).toBe(100);
    expect(Math.abs(acknowledgeMsP50 / 50 - 1)).toBeLessThan(0.03);
    expect(Math.abs(acknowledgeMsP99 / 99 - 1)).toBeLessThan(0.03);
  });
});

describe('availability', () => {
  /** What happens in a minute, and what that minute is. */
  const table: Array<[what: string, happens: (r: ReturnType<typeof reception>) => void, good: number, bad: number]> = [
    ['an association', (r) => r.admit(), 1, 0],
    ['a release', (r) => r.close(r.admit()), 1, 0],
    ['an abort by the peer', (r) => r.close(r.admit(), { how: 'aborted', by: 'peer', midMessage: true }), 1, 0],
    ['a break in a message', (r) => r.close(r.admit(), { how: 'closed', by: 'transport', midMessage: true }), 0, 1],
    ['a close between messages', (r) => r.close(r.admit(), { how: 'closed', midMessage: false }), 1, 0],
    ['a stall', (r) => r.close(r.admit(), { how: 'aborted', by: 'us', limit: 'idleTimeout', midMessage: true }), 0, 1],
    ['a trickle', (r) => r.close(r.admit(), { how: 'aborted', limit: 'minimumRate', midMessage: true }), 0, 1],
    ['idleness', (r) => r.close(r.admit(), { how: 'aborted', by: 'us', limit: 'idleTimeout' }), 1, 0],
    ['a violation', (r) => r.close(r.admit(), { how: 'aborted', by: 'us', midMessage: true }), 1, 0],
    ['A700', (r) => r.store(r.admit(), { status: 0xa700 }), 0, 1],
    ['A700 for its size', (r) => r.store(r.admit(), { status: 0xa700, limit: 'instanceBytes' }), 1, 0],
    ['an instance that cannot be taken', (r) => r.store(r.admit(), { status: 0xc000 }), 1, 0],
    ['congestion', (r) => r.reject('temporaryCongestion'), 0, 1],
    ['a limit', (r) => r.reject('localLimitExceeded', 'CT1', 'associations'), 0, 1],
    ['too many contexts', (r) => r.reject('localLimitExceeded', 'CT1', 'presentationContexts'), 0, 0],
    ['a wrong name', (r) => r.reject('calledAeTitleNotRecognized'), 0, 0],
    ['nothing', () => {}, 0, 0],
  ];

  it.each(table)('%s', (_, happens, good, bad) => {
    const r = reception();
    happens(r);
    expect(r.minutes()).toEqual([good, bad]);
  });

  it('is the share of minutes with evidence', () => {
    const r = reception();
    for (let i = 0; i < 20; i++) {
      const association = r.admit();
      if (i < 5) r.store(association, { status: 0xa700 });
      r.close(association);
      r.wait(10 * minute);
    }
    expect(r.link()).toMatchObject({ availability24h: 0.75, goodMinutes24h: 15, badMinutes24h: 5 });
    r.wait(24 * 60 * minute);
    expect(r.link()).toMatchObject({ availability: 0.75, goodMinutes24h: 0 });
    expect(r.link().availability24h).toBeUndefined();
  });

  it('takes a failed handshake for that of the peer whose address it is, if there is one', () => {
    const r = reception([
      { aeTitle: 'CT1', addresses: ['10.0.0.1', '10.9.0.0/16'] },
      { aeTitle: '*', addresses: ['10.0.0.3'] },
    ] as never);
    r.register.onHandshakeFailed({ address: '10.0.0.2' });
    r.register.onHandshakeFailed({ address: '10.9.0.1' });
    r.register.onHandshakeFailed({ address: '10.0.0.3' });
    expect(r.minutes()).toEqual([0, 0]);
    r.register.onHandshakeFailed({ address: '10.0.0.1' });
    expect(r.minutes()).toEqual([0, 1]);
    r.admit('MR2', '10.0.0.1');
    r.wait(minute);
    r.register.onHandshakeFailed({ address: '10.0.0.1' });
    expect(r.minutes()).toEqual([0, 1]);
  });

  it('suffers from whole minutes in which we did not listen, for peers that were seen', () => {
    const r = reception([{ aeTitle: 'CT1' }, { aeTitle: 'MR2' }] as never);
    r.admit();
    r.register.notListening(start + 30_000, start + 3.9 * minute);
    expect(r.minutes()).toEqual([1, 2]);
    r.register.notListening(start + 10 * minute, start + 10 * minute + 59_999);
    expect(r.minutes()).toEqual([1, 2]);
    expect(r.link('MR2')).toMatchObject({ goodMinutes: 0, badMinutes: 0 });
  });
});
