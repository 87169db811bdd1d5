import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../src/base/log.ts';
import type { AssociationObserver } from '../../src/dicom/services/associationObserver.ts';
import { associationEnds } from '../../src/gateway/associationEnds.ts';
import type { Spool } from '../../src/spool/spool.ts';
import { describe as description, temporaryDirectory } from '../spool/support.ts';
import { openWork, quietMs, TestClock } from '../spool/work/support.ts';

type Association = Parameters<AssociationObserver['onAdmitted']>[0];
type Result = Parameters<AssociationObserver['onInstance']>[1];

describe('the end of an association', () => {
  const graceMs = 100;
  let directory: { path: string; remove(): void };
  let spool: Spool;
  let clock: TestClock;
  let observer: AssociationObserver;
  let woken = 0;
  const [one, other] = [{}, {}] as [Association, Association];

  const observe = (grace: number | undefined) => {
    const { log } = createMemoryLog();
    observer = associationEnds({ spool, graceMs: grace, now: clock.now, onHastened: () => void woken++, log });
  };
  beforeEach(() => {
    directory = temporaryDirectory();
    clock = new TestClock();
    spool = openWork(directory.path, clock).spool;
    woken = 0;
    observe(graceMs);
  });
  afterEach(async () => {
    await spool.close();
    directory.remove();
  });

  /** Acknowledged, and not in the index yet. */
  async function bring(association: Association, uid: string, study: string): Promise<void> {
    const incoming = spool.receive();
    if ('refused' in incoming) throw new Error(incoming.refused);
    incoming.write(Buffer.from(uid));
    const outcome = await incoming.commit(description(uid, { studyInstanceUid: study }));
    observer.onInstance(association, { outcome: { ...outcome, study } } as Result);
  }
  const wait = () => (spool.tasks.nextDue() ?? 0) - clock.now();

  test('makes what it brought due after the grace, the last instance included', async () => {
    await bring(one, '1.2.1', '1.2');
    observer.onClosed(one, { how: 'released' });
    expect([wait(), woken]).toEqual([graceMs, 1]);
    clock.time += graceMs;
    expect(spool.tasks.claim(1, clock.now())).toMatchObject([{ study: '1.2', instances: 1 }]);
  });

  test('says nothing while another association brings more of the study, or when it was cut off', async () => {
    await bring(one, '1.2.1', '1.2');
    await bring(other, '1.2.2', '1.2');
    observer.onClosed(one, { how: 'released' });
    expect([wait(), woken]).toEqual([quietMs, 0]);
    observer.onClosed(other, { how: 'aborted', by: 'transport' });
    expect([wait(), woken]).toEqual([quietMs, 0]);
  });

  test('does not count when it is switched off, nor for what is only a duplicate', async () => {
    await bring(one, '1.2.1', '1.2');
    observe(undefined);
    observer.onInstance(one, { outcome: { kind: 'stored', study: '1.2' } } as Result);
    observer.onClosed(one, { how: 'released' });
    observe(graceMs);
    observer.onInstance(other, { outcome: { kind: 'duplicate' } } as Result);
    observer.onClosed(other, { how: 'released' });
    spool.flushIndex();
    expect([wait(), woken]).toEqual([quietMs, 0]);
  });
});
