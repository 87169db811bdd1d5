import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyOf } from '../../src/commitment/transaction.ts';
import { ct, Fixture, held, reference, TestChannel } from './fixture.ts';

describe('storage commitment', () => {
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
    fixture.holdings.set(reference('1').sopInstanceUid, [held('ready')]);
  });
  afterEach(() => fixture.remove());

  describe('requests', () => {
    test('are durable when they are answered, and gone when they are reported', async () => {
      await fixture.start(); // nobody listens for reports
      fixture.port = 1;
      expect(await fixture.ask('1.2', [reference('1')])).toEqual({ status: 0 });
      const [file = ''] = fixture.files().filter((name) => name.endsWith('.json'));
      const text = readFileSync(join(fixture.directory, 'commitments', file), 'utf8');
      expect(JSON.parse(text.split('\n')[0] ?? '')).toMatchObject({
        transactionUid: '1.2',
        peer: 'CT1',
        references: [[ct, '1.2.3.1']],
      });
      await fixture.listen();
      await fixture.until(() => fixture.reports.length === 1);
      await fixture.until(() => fixture.files().length === 0);
      expect(fixture.reports[0]).toEqual({
        peer: 'MEDUSA',
        report: { transactionUid: '1.2', committed: [reference('1')], failed: [] },
      });
    });

    test('are not accepted when they cannot be written', async () => {
      await fixture.start();
      // A folder in the way of the temporary file: even root cannot write it.
      const name = `${keyOf({ peer: 'CT1', transactionUid: '1.2' })}.json.new`;
      mkdirSync(join(fixture.directory, 'commitments', name));
      expect((await fixture.ask('1.2', [reference('1')])).status).toBe(0x0110);
      expect(fixture.commitments.figures()).toMatchObject([{ peer: 'CT1', pending: 0, reporting: 0, refused: 1 }]);
      expect(fixture.events()).toContain('commitment.not-written');
    });

    test('that the disk has no room for leave nothing behind', async () => {
      await fixture.start();
      // A folder in the way of the file: the temporary one is written, and cannot take its place.
      mkdirSync(join(fixture.directory, 'commitments', `${keyOf({ peer: 'CT1', transactionUid: '1.2' })}.json`));
      expect((await fixture.ask('1.2', [reference('1')])).status).toBe(0x0110);
      expect(fixture.files().filter((name) => name.endsWith('.new'))).toEqual([]);
    });

    test('that come again are accepted once; other content under the same Transaction UID is not', async () => {
      await fixture.start();
      const again = [reference('2'), reference('1')];
      const answers = await Promise.all([
        fixture.ask('1.2', [reference('1'), reference('2')]),
        fixture.ask('1.2', again),
        fixture.ask('1.2', [reference('1')]),
        fixture.ask('1.2', [reference('1')], new TestChannel('CT2')), // another peer's own
      ]);
      expect(answers.map(({ status }) => status)).toEqual([0, 0, 0x0131, 0]);
      expect((await fixture.ask('1.2', again)).status).toBe(0);
      await fixture.listen();
      await fixture.until(() => fixture.files().length === 0);
      expect(fixture.reports.map(({ report }) => report.committed.length + report.failed.length).sort()).toEqual([
        1, 2,
      ]);
      // The UID is free again once it is reported.
      expect((await fixture.ask('1.2', [reference('1')])).status).toBe(0);
      await fixture.until(() => fixture.reports.length === 3);
    });

    test('are limited in number, peer by peer, and refused to who may not ask', async () => {
      fixture.change = { pendingPerPeer: 2 };
      await fixture.start();
      const statuses = [];
      for (const uid of ['1.1', '1.2', '1.3']) statuses.push((await fixture.ask(uid, [reference('1')])).status);
      expect(statuses).toEqual([0, 0, 0x0213]);
      expect((await fixture.ask('1.1', [reference('1')], new TestChannel('CT2'))).status).toBe(0);
      expect((await fixture.ask('1.1', [reference('1')], new TestChannel('NOBODY'))).status).toBe(0x0124);
      expect(fixture.commitments.terms('NOBODY')).toBeUndefined();
    });

    test('have a turn of the event loop each', async () => {
      await fixture.start();
      const seen: string[] = [];
      for (const name of ['a', 'b', 'c']) fixture.commitments.inTurn(() => seen.push(name));
      const turns: number[] = [];
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        turns.push(seen.length);
      }
      expect(seen).toEqual(['a', 'b', 'c']);
      expect(turns.slice(0, 3)).toEqual([1, 2, 3]);
    });

    test('that take long leave the event loop to others for longer', async () => {
      let now = 0;
      fixture.clock = { ...fixture.clock, monotonic: () => now };
      await fixture.start();
      const seen: string[] = [];
      for (const name of ['a', 'b']) {
        fixture.commitments.inTurn(() => {
          seen.push(name);
          now += 100;
        });
      }
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      expect(seen).toEqual(['a']);
      await fixture.until(() => seen.length === 2);
    });

    test('coming in are limited in bytes, all together', async () => {
      await fixture.start();
      expect(fixture.commitments.takeRoom(60 * 1024 * 1024)).toBe(true);
      expect(fixture.commitments.takeRoom(10 * 1024 * 1024)).toBe(false);
      fixture.commitments.giveRoom(60 * 1024 * 1024);
      expect(fixture.commitments.takeRoom(10 * 1024 * 1024)).toBe(true);
    });
  });

  describe('decisions', () => {
    beforeEach(() => fixture.listen());

    test('name what failed, a reference each time that it was named', async () => {
      await fixture.start();
      await fixture.ask('1.2', [reference('1'), reference('404'), reference('1'), reference('404')]);
      await fixture.until(() => fixture.reports.length === 1);
      const gone = { ...reference('404'), failureReason: 0x0112 };
      expect(fixture.reports[0]?.report).toEqual({
        transactionUid: '1.2',
        committed: [reference('1'), reference('1')],
        failed: [gone, gone],
      });
      await fixture.until(() => fixture.files().length === 0);
      expect(fixture.commitments.figures()).toEqual([
        { peer: 'CT1', pending: 0, reporting: 0, reported: 1, failed: 1, dropped: 0, refused: 0 },
      ]);
    });

    test('wait until the index knows what is durable', async () => {
      fixture.indexWorks = false;
      const real = fixture.clock;
      fixture.clock = { ...real, monotonic: () => real.monotonic() * 100 };
      await fixture.start();
      fixture.holdings.clear();
      await fixture.ask('1.2', [reference('1')]);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(fixture.reports).toHaveLength(0);
      fixture.holdings.set('1.2.3.1', [held('ready')]);
      fixture.indexWorks = true;
      await fixture.until(() => fixture.reports.length === 1);
      expect(fixture.reports[0]?.report.failed).toEqual([]);
    });

    test('delivered waits for delivery, looking only at what it waits for', async () => {
      fixture.termsChange = { means: 'delivered' };
      for (let i = 0; i < 300; i++) fixture.holdings.set(`1.2.3.${i}`, [held(i === 250 ? 'ready' : 'delivered')]);
      const references = Array.from({ length: 300 }, (_, i) => reference(String(i)));
      await fixture.start();
      await fixture.ask('1.2', references);
      await fixture.until(() => fixture.lookups.length >= 253);
      expect(new Set(fixture.lookups.slice(251))).toEqual(new Set(['1.2.3.250']));
      expect(fixture.reports).toHaveLength(0);
      fixture.holdings.set('1.2.3.250', [held('delivered')]);
      await fixture.until(() => fixture.reports.length === 1);
      expect(fixture.reports[0]?.report.committed).toEqual(references);
    });

    test('delivered is given up after its time, and what was delivered by then is committed', async () => {
      fixture.termsChange = { means: 'delivered' };
      fixture.change = { giveUpAfterMs: 700 };
      fixture.holdings.set('1.2.3.2', [held('delivered')]);
      await fixture.start();
      await fixture.ask('1.2', [reference('1'), reference('2')]);
      await fixture.until(() => fixture.reports.length === 1);
      expect(fixture.reports[0]?.report).toEqual({
        transactionUid: '1.2',
        committed: [reference('2')],
        failed: [{ ...reference('1'), failureReason: 0x0110 }],
      });
    });

    test('once made stay, whatever becomes of the instances before the report is taken', async () => {
      fixture.answer = 0x0110;
      await fixture.start();
      await fixture.ask('1.2', [reference('1')]);
      await fixture.until(() => fixture.reports.length === 1);
      fixture.holdings.clear();
      fixture.answer = 0;
      await fixture.until(() => fixture.files().length === 0);
      expect(fixture.reports.map(({ report }) => report.failed.length)).toEqual(fixture.reports.map(() => 0));
    });
  });

  describe('after a restart', () => {
    test('what was pending is decided and reported', async () => {
      fixture.indexWorks = false;
      await fixture.start();
      await fixture.ask('1.2', [reference('1')]);
      await fixture.commitments.stop();
      await fixture.listen();
      fixture.indexWorks = true;
      await fixture.start();
      expect(fixture.events()).toContain('commitment.resumed');
      expect((await fixture.ask('1.2', [reference('9')])).status).toBe(0x0131);
      await fixture.until(() => fixture.reports.length === 1);
    });

    test('what can be neither read nor set aside stops nothing, and is left for the next start', async () => {
      await fixture.start();
      await fixture.ask('1.2', [reference('1')]);
      await fixture.commitments.stop();
      const folder = join(fixture.directory, 'commitments');
      mkdirSync(join(folder, 'folder.json'));
      mkdirSync(join(folder, 'folder.new'));
      symlinkSync('loop.json', join(folder, 'loop.json'));
      writeFileSync(join(folder, '1.9.json'), 'no transaction');
      mkdirSync(join(folder, '1.9.damaged')); // setting it aside fails
      await fixture.listen();
      await fixture.start();
      await fixture.until(() => fixture.reports.length === 1);
      expect(fixture.files()).toEqual(expect.arrayContaining(['1.9.json', 'folder.json', 'folder.new', 'loop.json']));
      expect(fixture.events()).toContain('commitment.unreadable');
      expect(fixture.commitments.troubles().damaged).toBe(3);
    });

    test('a damaged file is set aside and stops nothing', async () => {
      fixture.indexWorks = false;
      await fixture.start();
      for (const uid of ['1.1', '1.2', '1.3']) await fixture.ask(uid, [reference('1')]);
      await fixture.commitments.stop();
      const [first = '', second = ''] = fixture.files();
      const path = (name: string) => join(fixture.directory, 'commitments', name);
      writeFileSync(path(first), readFileSync(path(first)).subarray(0, 40));
      writeFileSync(path(`${second}.new`), 'half');
      fixture.indexWorks = true;
      await fixture.listen();
      await fixture.start();
      await fixture.until(() => fixture.reports.length === 2);
      await fixture.until(() => fixture.files().length === 1);
      expect(fixture.files()).toEqual([expect.stringMatching(/\.damaged$/)]);
      expect(fixture.commitments.troubles().damaged).toBe(1);
      expect(fixture.events()).toContain('commitment.damaged');
    });

    test('a peer that is no longer configured gets nothing, and its requests do not stay for ever', async () => {
      fixture.indexWorks = false;
      await fixture.start();
      await fixture.ask('1.2', [reference('1')]);
      await fixture.commitments.stop();
      fixture.peers.delete('CT1');
      fixture.indexWorks = true;
      await fixture.listen();
      fixture.change = { reportRetry: { initialMs: 50, capMs: 200, giveUpAfterMs: 1 } };
      await fixture.start();
      await fixture.until(() => fixture.events().includes('commitment.orphan-dropped'));
      expect(fixture.files()).toHaveLength(0);
      expect(fixture.reports).toHaveLength(0);
    });
  });
});
