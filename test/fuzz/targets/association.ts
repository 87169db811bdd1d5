/** The association, both roles: PDUs in any order and any pieces, local primitives, ARTIM, the end of the connection. */
import {
  Association,
  type AssociationUser,
  type Timers,
  type Transport,
} from '../../../src/dicom/upperLayer/association.ts';
import { decodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { associateRq as requestPdu } from '../../support/rawPeer.ts';
import { AssociationModel, type Manners } from '../associationModel.ts';
import { feed } from '../cuts.ts';
import { bytesOp, chunk, type FuzzCase, streamOf } from '../fuzzCase.ts';
import { associateAc, associateRq, conversation, pData, smallPdu } from '../generate.ts';
import { randomOperation } from '../mutate.ts';
import { Random } from '../random.ts';
import { conversations } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

const limits = { associatePduLength: 4096, maximumLength: 2048 };
/** Operations, by number. */
const operations = [
  'bytes',
  'accept',
  'reject',
  'release',
  'respondRelease',
  'abort',
  'sendPData',
  'protocolError',
  'artimExpires',
  'close',
] as const;

const userInformation = { maximumLength: limits.maximumLength, implementationClassUid: '1.2', roleSelections: [] };
const rqPdu = requestPdu({ userInformation });
const acPdu = { ...rqPdu, type: 'associate-ac' as const, contexts: [] };
const rjPdu = { type: 'associate-rj' as const, result: 1, source: 1, reason: 1 };
const somePData = Buffer.from('0400000000080000000401020a0b', 'hex');

class Stage {
  readonly trace: string[] = [];
  readonly association: Association;
  /** Timers that run. */
  readonly timers = new Set<() => void>();

  constructor(Implementation: typeof Association, role: 'acceptor' | 'requestor', manners: Manners) {
    const transport: Transport = {
      write: (bytes) => {
        this.trace.push(`sent ${whatIsSent(Buffer.from(bytes))}`);
        return true;
      },
      onDrain: () => {},
      pause: () => {},
      resume: () => {},
      end: () => void this.trace.push('end'),
      destroy: () => void this.trace.push('destroy'),
    };
    const timers: Timers = {
      after: (_ms, callback) => {
        this.timers.add(callback);
        return () => this.timers.delete(callback);
      },
    };
    const user: AssociationUser = {
      onAssociateRequested: () => {
        this.trace.push('associate requested');
        if (manners.acceptsAtOnce) this.association.accept(acPdu);
      },
      onAccepted: () => void this.trace.push('accepted'),
      onRejected: () => void this.trace.push('rejected'),
      onPdv: (contextId, control, bytes) => {
        this.trace.push(`data ${bytes.toString('hex')}`);
        if (manners.objectsToData && contextId > 0x80) this.association.protocolError('objection', 6);
        else if (manners.abortsOnData && control > 0x80) this.association.abort('enough');
      },
      onReleaseRequested: () => {
        this.trace.push('release requested');
        if (manners.answersReleaseAtOnce) this.association.respondRelease();
      },
      onReleased: () => void this.trace.push('released'),
      onAborted: ({ message }) => {
        hold(/^[\x20-\x7e]{1,200}$/.test(message), 'the reason of an abort can be logged');
        this.trace.push('aborted');
      },
      onClosed: () => void this.trace.push('closed'),
    };
    this.association = new Implementation(transport, user, { role, limits, artimMs: 5000, timers });
  }
}

function whatIsSent(bytes: Buffer): string {
  const type = bytes.readUInt8(0);
  if (type === 4) return 'p-data';
  same(bytes.readUInt32BE(2), bytes.length - 6, 'what is sent is one whole PDU');
  const pdu = decodePdu(type, bytes.subarray(6));
  return pdu.type === 'abort' ? `abort ${pdu.source}` : pdu.type;
}

function perform(stage: Stage, model: AssociationModel, op: number, data: Buffer): void {
  const { association, timers } = stage;
  switch (operations[op]) {
    case 'bytes':
      feed([data], (piece) => association.receive(piece));
      model.receive(data.length);
      break;
    case 'accept':
      association.accept(acPdu);
      model.event('Evt7');
      break;
    case 'reject':
      association.reject(rjPdu);
      model.event('Evt8');
      break;
    case 'release':
      association.release();
      model.event('Evt11');
      break;
    case 'respondRelease':
      association.respondRelease();
      model.event('Evt14');
      break;
    case 'abort':
      association.abort('by the fuzzer');
      model.abort();
      break;
    case 'sendPData':
      association.sendPData(somePData);
      model.event('Evt9');
      break;
    case 'protocolError':
      association.protocolError('by the fuzzer', 6);
      model.protocolError();
      break;
    case 'artimExpires': {
      const [expired] = timers;
      if (expired) timers.delete(expired);
      expired?.();
      model.artimExpires();
      break;
    }
    case 'close':
      association.transportClosed();
      model.close();
      break;
  }
}

export function associationTarget(Implementation: typeof Association = Association): Target {
  return {
    name: 'association',
    operations: operations.length - 1,
    weight: 5,
    maxBytes: 5000,
    seeds: () => conversations().map((stream, i) => ({ seed: i * 2, steps: [chunk(stream.subarray(0, 4000))] })),
    generate,
    run({ seed, steps }: FuzzCase, observe: Observe) {
      const random = new Random(seed);
      const role = seed % 2 === 0 ? 'acceptor' : 'requestor';
      const manners = {
        acceptsAtOnce: random.oneIn(2),
        answersReleaseAtOnce: random.oneIn(2),
        objectsToData: random.oneIn(3),
        abortsOnData: random.oneIn(3),
      };
      const stage = new Stage(Implementation, role, manners);
      const model = new AssociationModel(role, manners, streamOf({ seed, steps }), limits);
      if (role === 'acceptor') {
        stage.association.transportConnected();
        model.event('Evt5');
      } else {
        stage.association.request(rqPdu);
        model.state = 'Sta4';
        model.event('Evt2');
      }
      for (const { op, data } of [...steps, { op: operations.indexOf('close'), data: Buffer.alloc(0) }]) {
        const before = stage.association.state;
        const length = stage.trace.length;
        const wasClosed = model.closed;
        perform(stage, model, op, data);
        same(stage.trace, model.trace, 'as PS3.8 table 9-10 has it');
        same(stage.association.state, model.state, 'in the state that table 9-10 leads to');
        same(stage.timers.size, model.artim ? 1 : 0, `ARTIM runs or not, in ${model.state}`);
        // Invariant: whoever keeps the connection open in one of these is closed in the end.
        if (model.state === 'Sta2' || model.state === 'Sta13') hold(stage.timers.size === 1, 'ARTIM runs');
        hold(!wasClosed || stage.trace.length === length, 'nothing happens once the connection is closed');
        observe(`${role} ${before} ${operations[op]} ${stage.association.state}`);
        if (op === bytesOp)
          observe(
            stage.trace
              .slice(length, length + 4)
              .join()
              .replace(/data [0-9a-f]*/g, 'data'),
          );
      }
      same(stage.trace.filter((what) => what === 'closed').length, 1, 'closed once');
      same(stage.trace.at(-1), 'closed', 'and that last');
    },
  };
}

function generate(random: Random): FuzzCase {
  const role = random.below(2);
  const parts = role === 0 ? conversation(random) : [associateAc(random), smallPdu(random)];
  const pdus = [
    ...parts,
    associateRq(random),
    smallPdu(random),
    pData(random, random.below(256), random.bytes(9), random.oneIn(2)),
  ];
  const steps = pdus.slice(0, random.between(1, pdus.length)).map(chunk);
  for (let count = random.below(5); count > 0; count--) {
    steps.splice(random.below(steps.length + 1), 0, randomOperation(random, operations.length - 1));
  }
  return { seed: Math.floor(random.u32() / 2) * 2 + role, steps };
}
