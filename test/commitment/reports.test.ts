import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fixture, held, reference, TestChannel } from './fixture.ts';

describe('storage commitment reports', () => {
  let fixture: Fixture;
  let silent: { server: Server; sockets: Socket[] } | undefined;

  beforeEach(() => {
    fixture = new Fixture();
    fixture.holdings.set(reference('1').sopInstanceUid, [held('ready')]);
  });
  afterEach(async () => {
    for (const socket of silent?.sockets ?? []) socket.destroy();
    silent?.server.close();
    silent = undefined;
    await fixture.remove();
  });

  /** A port that takes connections and says nothing. */
  async function listenInSilence(): Promise<number> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    silent = { server, sockets };
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  const ask = (uid: string, channel?: TestChannel) => fixture.ask(uid, [reference('1')], channel);
  const delivered = () => fixture.reports.map(({ report }) => report.transactionUid);

  describe('on an association that we open', () => {
    test('are tried again with back-off while nobody listens, and all given when somebody does', async () => {
      fixture.port = 1;
      await fixture.start();
      for (const uid of ['1.1', '1.2', '1.3']) await ask(uid);
      const attempts = () => fixture.events().filter((event) => event === 'commitment.unreachable').length;
      await fixture.until(() => attempts() >= 3);
      const { failing } = fixture.commitments.troubles();
      expect(failing).toEqual([{ peer: 'CT1', reports: 3, reason: expect.stringContaining('connection refused') }]);
      await fixture.listen();
      await fixture.until(() => fixture.files().length === 0);
      expect(delivered().sort()).toEqual(['1.1', '1.2', '1.3']);
      expect(fixture.commitments.troubles().failing).toEqual([]);
    });

    test('that the receiver refuses are tried again, and hold no other up', async () => {
      await fixture.listen();
      fixture.answer = 0x0110;
      await fixture.start();
      await ask('1.1');
      await fixture.until(() => fixture.reports.length >= 1);
      await ask('1.2');
      await fixture.until(() => delivered().includes('1.2') && delivered().filter((uid) => uid === '1.1').length >= 2);
      expect(fixture.events()).toContain('commitment.report-refused');
      fixture.answer = 0;
      await fixture.until(() => fixture.files().length === 0);
    });

    test('remember their attempts over a restart', async () => {
      fixture.port = 1;
      await fixture.start();
      await ask('1.1');
      const attempts = () => fixture.memory.lines.filter(({ event }) => event === 'commitment.unreachable');
      await fixture.until(() => attempts().length >= 2);
      await fixture.commitments.stop();
      const before = Number(attempts().at(-1)?.attempts);
      const seen = attempts().length;
      await fixture.start();
      await fixture.until(() => attempts().length > seen);
      expect(attempts()[seen]?.attempts).toBeGreaterThanOrEqual(before);
      expect(attempts()[seen]?.attempts).toBeGreaterThan(1);
    });

    test('are given up after their time, said in the log', async () => {
      fixture.port = 1;
      fixture.change = { reportRetry: { initialMs: 50, capMs: 100, giveUpAfterMs: 300 } };
      await fixture.start();
      await ask('1.1');
      await fixture.until(() => fixture.events().includes('commitment.report-dropped'));
      await fixture.until(() => fixture.files().length === 0);
      expect(fixture.commitments.figures()).toMatchObject([{ reporting: 0, dropped: 1 }]);
      const line = fixture.memory.lines.find(({ event }) => event === 'commitment.report-dropped');
      expect(line).toMatchObject({ transactionUid: '1.1', peer: 'CT1', level: 'error' });
    });

    test('a receiver that says nothing holds up neither other peers nor the stop', async () => {
      const port = await listenInSilence();
      await fixture.listen();
      const good = fixture.port;
      fixture.peers = new Set(['CT1', ...Array.from({ length: 3 }, (_, i) => `MUTE${i}`)]);
      fixture.termsChange = {
        target: ({ peer, calledAeTitle }) => ({
          host: '127.0.0.1',
          port: peer === 'CT1' ? good : port,
          callingAeTitle: calledAeTitle,
          calledAeTitle: peer,
        }),
      };
      await fixture.start();
      for (let i = 0; i < 3; i++) {
        for (const uid of ['1.1', '1.2', '1.3']) await ask(uid, new TestChannel(`MUTE${i}`));
      }
      await fixture.until(() => silent?.sockets.length === 3);
      await ask('1.9');
      await fixture.until(() => fixture.events().includes('commitment.reported'));
      expect(silent?.sockets).toHaveLength(3); // one at a time for each peer
      await fixture.commitments.stop();
      expect(fixture.files().filter((name) => name.endsWith('.json'))).toHaveLength(9);
    });

    test('a certificate that cannot be read is said, and tried again', async () => {
      fixture.termsChange = {
        target: () => {
          throw new Error('ENOENT: ca.pem');
        },
      };
      await fixture.start();
      await ask('1.1');
      await fixture.until(() => fixture.commitments.troubles().failing.length === 1);
      expect(fixture.commitments.troubles().failing[0]?.reason).toContain('ca.pem');
    });
  });

  describe("on the peer's association", () => {
    test('go there while it is open, when that is configured', async () => {
      await fixture.listen();
      fixture.termsChange = { sameAssociation: true };
      await fixture.start();
      const channel = new TestChannel();
      await ask('1.1', channel);
      await fixture.until(() => fixture.files().length === 0);
      expect(channel.reports.map(({ transactionUid }) => transactionUid)).toEqual(['1.1']);
      expect(fixture.reports).toHaveLength(0);
    });

    test('do not go there when it is not configured', async () => {
      await fixture.listen();
      await fixture.start();
      const channel = new TestChannel();
      fixture.commitments.opened(channel);
      await ask('1.1', channel);
      await fixture.until(() => fixture.reports.length === 1);
      expect(channel.reports).toHaveLength(0);
    });

    const ends: Array<[string, Partial<TestChannel>, number]> = [
      ['is closed before', { open: false }, 0],
      ['ends without an answer', { answer: () => Promise.reject(new Error('released')) }, 1],
      ['does not answer', { answer: () => new Promise(() => {}) }, 1],
    ];
    test.each(ends)('go on one of ours when it %s', async (_what, change, tried) => {
      await fixture.listen();
      fixture.change = { answerMs: 300 };
      fixture.termsChange = { sameAssociation: true };
      await fixture.start();
      const channel = Object.assign(new TestChannel(), change);
      await ask('1.1', channel);
      await fixture.until(() => fixture.reports.length === 1);
      expect(channel.reports).toHaveLength(tried);
    });

    test('wait for the next one that the peer opens, when no receiver is configured', async () => {
      await fixture.listen(); // and is never called
      fixture.termsChange = { target: undefined };
      await fixture.start();
      const first = new TestChannel();
      first.open = false;
      await ask('1.1', first);
      await fixture.until(() => fixture.commitments.figures()[0]?.reporting === 1);
      fixture.commitments.opened(new TestChannel('CT2')); // another peer's
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(fixture.files()).toHaveLength(1);
      const next = new TestChannel();
      fixture.commitments.opened(next);
      await fixture.until(() => fixture.files().length === 0);
      expect(next.reports.map(({ transactionUid }) => transactionUid)).toEqual(['1.1']);
      expect(fixture.reports).toHaveLength(0);
    });

    test('a report that is refused there is tried again there', async () => {
      fixture.termsChange = { target: undefined };
      await fixture.start();
      const channel = new TestChannel();
      let answers = 0;
      channel.answer = async () => (++answers < 3 ? 0x0110 : 0);
      await ask('1.1', channel);
      await fixture.until(() => fixture.files().length === 0);
      expect(channel.reports).toHaveLength(3);
    });
  });
});
