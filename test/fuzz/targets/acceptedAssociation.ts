/** The acceptor's side as a whole: from the first byte to the durable instance and the last log line. */
import { decodeCommandSet } from '../../../src/dicom/dimse/commandSet.ts';
import { AcceptedStage, limits } from '../acceptedStage.ts';
import { feed } from '../cuts.ts';
import { chunk, type FuzzCase, streamOf } from '../fuzzCase.ts';
import { associateRq, conversation, message, smallPdu } from '../generate.ts';
import { randomOperation } from '../mutate.ts';
import type { Random } from '../random.ts';
import { referenceFrames } from '../referenceFrames.ts';
import { conversations } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

/** Operations, by number. */
const operations = [
  'bytes',
  'stored',
  'duplicate',
  'refused',
  'failed',
  'intakeFull',
  'intakeDrains',
  'intakeRefuses',
  'intakeBreaks',
  'peerStopsReading',
  'peerReads',
  'timerExpires',
  'timePasses',
  'gatewayStops',
  'close',
  'deskAnswers',
  'deskIsFull',
  'report',
] as const;

function perform(stage: AcceptedStage, op: number, data: Buffer): void {
  const { association, intake } = stage;
  switch (operations[op]) {
    case 'bytes':
      return feed([data], (piece) => association.receive(piece));
    case 'stored':
      return intake.settle(data.length % 2 === 0 ? { kind: 'stored' } : { kind: 'new-version', version: 2 });
    case 'duplicate':
      return intake.settle({ kind: 'duplicate' });
    case 'refused':
      return intake.settle({ kind: 'refused', reason: 'no room' });
    case 'failed':
      return intake.settle(new Error('broken disk'));
    case 'intakeFull':
      intake.full = true;
      return;
    case 'intakeDrains':
      return intake.drain();
    case 'intakeRefuses':
      intake.refuses = !intake.refuses;
      return;
    case 'intakeBreaks':
      intake.breaks = true;
      return;
    case 'peerStopsReading':
      stage.reading = false;
      return;
    case 'peerReads':
      return stage.drain();
    case 'timerExpires':
      return stage.expire();
    case 'timePasses':
      stage.now += (data[0] ?? 0) * 500;
      return association.checkIdle(stage.now);
    case 'gatewayStops':
      return association.abort('the gateway is stopping');
    case 'close':
      return association.transportClosed();
    case 'deskAnswers':
      return stage.desk.answer(data.length % 2 === 0 ? 0 : 0x0110);
    case 'deskIsFull':
      stage.desk.full = !stage.desk.full;
      return;
    case 'report':
      return stage.desk.report();
  }
}

const ends = ['associate-rj', 'release-rp', 'abort 0/0', 'abort 2/'];
const isEnd = (answer: string) => ends.some((end) => answer.startsWith(end));

/** What has to hold after every step. */
function check(stage: AcceptedStage): void {
  const { answers, intake } = stage;
  const first = answers[0];
  hold(
    first === undefined || first === 'associate-ac' || isEnd(first),
    `an answer to a request comes first, not ${first}`,
  );
  same(answers.filter((answer) => answer === 'associate-ac').length <= 1, true, 'accepted once');
  const end = answers.findIndex(isEnd);
  // AA-7: one A-ABORT for a peer that goes on after its rejection, release or abort.
  const after = end < 0 ? [] : answers.slice(end + 1);
  hold(
    after.length === 0 || (after.length === 1 && after[0]?.startsWith('abort 2/') === true),
    `nothing after the end: ${after}`,
  );
  const successes = answers.filter((answer) => answer.startsWith('status 0 ') && answer.endsWith(' by 32769')).length;
  hold(successes <= intake.count('durable'), 'Success only for what is durable');
  const waitsForTransport = end >= 0 && !stage.ended && stage.closes === 0;
  const waitsForRequest = answers.length === 0 && stage.closes === 0 && !stage.ended;
  if (waitsForTransport || waitsForRequest)
    hold(stage.timers.size === 1, 'ARTIM runs: the association ends in any case');
  const aborted = answers[end]?.startsWith('abort') === true;
  if (aborted) hold(!stage.paused, 'an aborted association is read from, else its close is never seen');
}

/** The data sets of whole messages, in order, as the reference reader sees them: every instance is one of them. */
function dataSetsIn(stream: Buffer): string[] {
  const dataSets: string[] = [];
  let command: Buffer[] = [];
  let data: Buffer[] = [];
  for (const frame of referenceFrames(stream, { associatePduLength: 1 << 20, maximumLength: limits.maxPduLength })) {
    if (frame.kind !== 'pdv' || !frame.whole) continue;
    const parts = (frame.control & 1) !== 0 ? command : data;
    parts.push(frame.data);
    if ((frame.control & 2) === 0) continue;
    if (parts === data) dataSets.push(Buffer.concat(data).toString('hex'));
    if (parts === command && !isCommand(Buffer.concat(command))) break;
    command = parts === command ? [] : command;
    data = [];
  }
  return dataSets;
}

function isCommand(bytes: Buffer): boolean {
  try {
    decodeCommandSet(bytes);
    return true;
  } catch {
    return false;
  }
}

export function acceptedAssociationTarget(): Target {
  return {
    name: 'accepted',
    operations: operations.length - 1,
    weight: 4,
    maxBytes: 6000,
    seeds: () =>
      conversations().map((stream, i) => ({
        seed: i,
        steps: [chunk(stream.subarray(0, 5000)), { op: 1, data: Buffer.alloc(0) }],
      })),
    generate,
    async run(fuzzCase: FuzzCase, observe: Observe) {
      const stage = new AcceptedStage((fuzzCase.seed % 3) + 1);
      let endedWith: number | undefined;
      for (const { op, data } of fuzzCase.steps) {
        const before = stage.answers.length;
        perform(stage, op, data);
        await settled();
        check(stage);
        if (endedWith !== undefined && stage.intake.sinks.length > endedWith)
          hold(false, 'nothing is begun after the end');
        if (stage.answers.some(isEnd) || stage.closes > 0) endedWith ??= stage.intake.sinks.length;
        observe(
          `${operations[op]} ${stage.answers
            .slice(before, before + 3)
            .join()
            .replace(/to [0-9]+/g, '')}`,
        );
      }
      await letEverythingGo(stage);
      hold(!stage.paused, 'nothing is paused for ever');
      stage.association.transportClosed();
      await letEverythingGo(stage);
      check(stage);
      stage.association.receive(Buffer.from('0400000000', 'hex'));
      stage.association.abort('too late');
      same(stage.closes, 1, 'closed once');
      same(stage.timers.size, 0, 'no timer is left');
      same(stage.intake.count('open') + stage.intake.count('finishing'), 0, 'every instance is finished or discarded');
      same(stage.desk.room, 0, 'the room for requests is given back');
      same(stage.desk.reportsOpen, 0, 'every report has an outcome');
      hold(stage.results >= stage.intake.count('durable'), 'every durable instance is told of');
      stage.checkLog();
      checkInstances(stage, streamOf(fuzzCase));
      for (const line of stage.lines) observe(line.msg.replace(/[0-9]+/g, '#').slice(0, 50));
    },
  };
}

function checkInstances(stage: AcceptedStage, stream: Buffer): void {
  const dataSets = dataSetsIn(stream);
  let at = 0;
  for (const sink of stage.intake.sinks) {
    if (sink.state !== 'durable') continue;
    const stored = Buffer.concat(sink.data).toString('hex');
    at = dataSets.indexOf(stored, at) + 1;
    hold(at > 0, 'what is stored is a data set that came whole, byte for byte and in order');
    hold(/^[0-9.]{1,64}$/.test(sink.header.sopInstanceUid), 'what is stored has a UID for a name');
  }
}

/** The intake takes everything, the desk answers, the peer reads: nothing that is ours may keep it waiting after that. */
async function letEverythingGo(stage: AcceptedStage): Promise<void> {
  do {
    stage.intake.settle({ kind: 'stored' });
    stage.desk.answer(0);
    stage.intake.drain();
    stage.drain();
    await settled();
  } while (stage.intake.waiting + stage.desk.waiting > 0);
}

/** Everything that follows from promises has happened. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

function generate(random: Random): FuzzCase {
  const parts = random.oneIn(3)
    ? conversation(random)
    : [associateRq(random), ...Array.from({ length: random.between(1, 5) }, () => message(random)), smallPdu(random)];
  const joined = random.oneIn(2) ? [Buffer.concat(parts)] : parts;
  const steps = joined.map(chunk);
  for (let count = random.below(8); count > 0; count--) {
    const outcome = random.oneIn(2)
      ? { op: random.between(1, 4), data: Buffer.alloc(0) }
      : randomOperation(random, operations.length - 1);
    steps.splice(random.below(steps.length + 1), 0, outcome);
  }
  return { seed: random.u32(), steps };
}
