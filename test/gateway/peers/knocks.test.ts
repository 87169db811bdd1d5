import { describe, expect, it } from 'vitest';
import type { Knock } from '../../../src/dicom/services/acceptedAssociation.ts';
import { rejection } from '../../../src/dicom/services/access.ts';
import { KnockBook } from '../../../src/gateway/peers/knocks.ts';
import { associateRq } from '../../support/rawPeer.ts';

type Changes = {
  calling?: string;
  address?: string;
  caller?: Partial<Knock['caller']>;
  request?: Parameters<typeof associateRq>[0];
};

const knock = ({ calling = 'CT1', address = '10.0.0.1', caller, request }: Changes = {}): Knock => ({
  request: associateRq({ callingAeTitle: calling, calledAeTitle: 'MEDUSA', ...request }),
  caller: { address, port: 1, listener: 'tls', ...caller },
  verdict: { admitted: false, rejection: rejection.callingAeTitleNotRecognized, why: 'a stranger', hint: 'admit it' },
});

function book() {
  let now = 1000;
  const knocks = new KnockBook(() => now++);
  const wait = (ms: number) => {
    now += ms;
  };
  return { knocks, wait, record: (changes?: Changes) => knocks.record(knock(changes)) };
}

describe('the book of knocks', () => {
  it('counts the same caller once, with its first and last time, and keeps its number', () => {
    const { knocks, record } = book();
    record();
    record({ calling: 'MR1' });
    record({ address: '10.0.0.1' });
    expect(knocks.all).toMatchObject([
      { id: 1, callingAeTitle: 'CT1', address: '10.0.0.1', count: 2, firstAt: 1000, lastAt: 1002 },
      { id: 2, callingAeTitle: 'MR1', count: 1 },
    ]);
  });

  it('keeps apart another certificate, address, listener or called title', () => {
    const { knocks, record } = book();
    const certificate = (fingerprint: string) => ({
      certificate: { fingerprint, subject: 'CN=a', trust: { kind: 'unverified', problem: 'self-signed' } as const },
    });
    record();
    record({ caller: certificate('aa') });
    record({ caller: certificate('bb') });
    record({ address: '10.0.0.2' });
    record({ caller: { listener: 'plain' } });
    record({ request: { calledAeTitle: 'OTHER' } });
    expect(knocks.all).toHaveLength(6);
    expect(knocks.all.at(-2)).toMatchObject({
      certificate: { fingerprint: 'aa', subject: 'CN=a', problem: 'self-signed' },
    });
  });

  it('holds no more than it may, and one address pushes out its own knocks only', () => {
    const { knocks, record } = book();
    record({ calling: 'HONEST', address: '10.0.0.9' });
    for (let n = 0; n < 1000; n++) record({ calling: `X${n}`, address: '10.0.0.1' });
    expect(knocks.all).toHaveLength(17);
    expect(knocks.all.at(-1)).toMatchObject({ callingAeTitle: 'HONEST' });
    for (let n = 0; n < 1000; n++) record({ address: `10.1.${n >> 8}.${n & 255}` });
    expect(knocks.all).toHaveLength(256);
    expect(new Set(knocks.all.map(({ id }) => id)).size).toBe(256);
  });

  it('gives small numbers, however many titles one address invents, and never that of another address', () => {
    const { knocks, record } = book();
    record({ calling: 'HONEST', address: '10.0.0.9' });
    for (let n = 0; n < 50_000; n++) record({ calling: `X${n}`, address: '10.0.0.1' });
    record({ calling: 'LATE', address: '10.0.0.8' });
    const ids = new Map(knocks.all.map(({ id, callingAeTitle }) => [callingAeTitle, id]));
    expect([ids.get('HONEST'), ids.get('LATE'), Math.max(...ids.values())]).toEqual([1, 18, 18]);
  });

  it('gives the number of somebody who was admitted to nobody else for a quarter of an hour', () => {
    const { knocks, record, wait } = book();
    record();
    knocks.forget('CT1', '10.0.0.1');
    record({ calling: 'EVIL', address: '10.0.0.2' });
    expect(knocks.all.map(({ id }) => id)).toEqual([2]);
    wait(15 * 60_000);
    record({ calling: 'MR1' });
    expect(knocks.all.map(({ id }) => id)).toEqual([1, 2]);
  });

  it('makes texts printable and short, and keeps only UIDs of what is proposed', () => {
    const { knocks, record } = book();
    const nonsense = `\u001b[2J\n${'x'.repeat(5000)}`;
    record({
      calling: nonsense,
      caller: {
        certificate: { fingerprint: 'aa', subject: nonsense, trust: { kind: 'unverified', problem: nonsense } },
      },
      request: {
        callingAeTitle: nonsense,
        calledAeTitle: nonsense,
        contexts: Array.from({ length: 128 }, (_, n) => ({
          id: 2 * n + 1,
          abstractSyntax: n === 0 ? nonsense : `1.2.${n}`,
          transferSyntaxes: ['1.2.840.10008.1.2', nonsense],
        })),
        userInformation: {
          maximumLength: 0,
          implementationClassUid: '1',
          implementationVersionName: nonsense,
          roleSelections: [],
        } as never,
      },
    });
    const [entry] = knocks.all;
    const texts = [entry?.callingAeTitle, entry?.calledAeTitle, entry?.implementationVersionName].concat(
      entry?.certificate?.subject,
      entry?.certificate?.problem,
    );
    for (const text of texts) expect(text).toMatch(/^\\x1b[\x20-\x7e]{10,300}$/);
    expect(JSON.stringify(entry).length).toBeLessThan(3000);
    expect([entry?.sopClasses.length, entry?.transferSyntaxes]).toEqual([32, ['1.2.840.10008.1.2']]);
  });

  it('forgets who came in', () => {
    const { knocks, record } = book();
    record();
    record({ address: '10.0.0.2' });
    record({ calling: 'MR1' });
    knocks.forget('CT1', '10.0.0.1');
    expect(knocks.all.map(({ id }) => id)).toEqual([3, 2]);
  });
});
