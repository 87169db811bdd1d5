/** One association on a transport and timers that the test holds in its hands. */
import { describe, expect, it } from 'vitest';
import {
  type AbortInfo,
  Association,
  type AssociationUser,
  type Timers,
  type Transport,
} from '../../../src/dicom/upperLayer/association.ts';
import { type AssociateAc, decodePdu, encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import type { Role } from '../../../src/dicom/upperLayer/stateMachine.ts';
import { associateRq } from '../../support/rawPeer.ts';

function stage(role: Role, onData: (association: Association) => void = () => {}) {
  const happened: string[] = [];
  const timers: Array<{ ms: number; fire: () => void; cancelled: boolean }> = [];
  const transport: Transport = {
    write: (bytes) => {
      const pdu = Buffer.from(bytes);
      const type = pdu.readUInt8(0);
      happened.push(`sent ${type === 4 ? 'p-data' : decodePdu(type, pdu.subarray(6)).type}`);
      return true;
    },
    onDrain: () => {},
    pause: () => {},
    resume: () => {},
    end: () => void happened.push('end'),
    destroy: () => void happened.push('destroy'),
  };
  const clock: Timers = {
    after: (ms, fire) => {
      const timer = { ms, fire, cancelled: false };
      timers.push(timer);
      return () => {
        timer.cancelled = true;
      };
    },
  };
  const user: AssociationUser = {
    onAssociateRequested: () => void happened.push('associate requested'),
    onAccepted: () => void happened.push('accepted'),
    onRejected: () => void happened.push('rejected'),
    onPdv: (_id, _control, bytes) => {
      happened.push(`data ${bytes.length}`);
      onData(association);
    },
    onReleaseRequested: () => void happened.push('release requested'),
    onReleased: () => void happened.push('released'),
    onAborted: (info: AbortInfo) => void happened.push(`aborted by ${info.by}: ${info.message}`),
    onClosed: () => void happened.push('closed'),
  };
  const limits = { associatePduLength: 10_000, maximumLength: 1000 };
  const association: Association = new Association(transport, user, { role, limits, artimMs: 5000, timers: clock });
  /** What happened since it was last asked. */
  const news = () => happened.splice(0);
  return { association, news, timers };
}

const ac: AssociateAc = { ...associateRq(), type: 'associate-ac', contexts: [] };
const releaseRq = encodePdu({ type: 'release-rq' });
const releaseRp = encodePdu({ type: 'release-rp' });
const data = Buffer.from('0400000000080000000401020a0b', 'hex');

function established(role: Role, onData?: (association: Association) => void) {
  const actors = stage(role, onData);
  if (role === 'requestor') {
    actors.association.request(associateRq());
    actors.association.receive(encodePdu(ac));
  } else {
    actors.association.transportConnected();
    actors.association.receive(encodePdu(associateRq()));
    actors.association.accept(ac);
  }
  expect(actors.association.established).toBe(true);
  actors.news();
  return actors;
}

describe('Association', () => {
  it('acceptor: request, answer, data, release, close', () => {
    const { association, news, timers } = stage('acceptor');
    association.transportConnected();
    expect(timers).toMatchObject([{ ms: 5000, cancelled: false }]);
    association.receive(encodePdu(associateRq()));
    expect(timers[0]?.cancelled).toBe(true);
    association.accept(ac);
    association.receive(data);
    association.receive(releaseRq);
    expect(news()).toEqual(['associate requested', 'sent associate-ac', 'data 2', 'release requested']);
    association.sendPData(data); // what was owed may still be sent
    association.respondRelease();
    expect(association.sendPData(data)).toBe(true); // too late, goes nowhere
    expect(news()).toEqual(['sent p-data', 'sent release-rp']);
    association.transportClosed();
    association.transportClosed();
    expect(news()).toEqual(['closed']);
    expect(timers.every((timer) => timer.cancelled)).toBe(true);
  });

  it('requestor: request, answer, release, close', () => {
    const { association, news } = established('requestor');
    association.release();
    association.receive(data); // comes before the peer has seen the release
    association.receive(releaseRp);
    association.transportClosed();
    expect(news()).toEqual(['sent release-rq', 'data 2', 'released', 'end', 'closed']);
  });

  it('release collision: the requestor answers first, then waits for its answer', () => {
    const { association, news } = established('requestor');
    association.release();
    association.receive(releaseRq);
    expect(association.state).toBe('Sta9');
    association.respondRelease();
    expect(association.state).toBe('Sta11');
    association.receive(releaseRp);
    expect(news()).toEqual(['sent release-rq', 'release requested', 'sent release-rp', 'released', 'end']);
  });

  it('release collision: the acceptor waits for its answer, then answers', () => {
    const { association, news } = established('acceptor');
    association.release();
    association.receive(releaseRq);
    expect(association.state).toBe('Sta10');
    association.receive(releaseRp);
    expect(association.state).toBe('Sta12');
    association.respondRelease();
    expect(news()).toEqual(['sent release-rq', 'release requested', 'released', 'sent release-rp']);
  });

  it('ARTIM: a peer that asks for nothing, and one that does not close', () => {
    const silent = stage('acceptor');
    silent.association.transportConnected();
    silent.timers[0]?.fire();
    expect(silent.news()).toEqual(['aborted by us: no A-ASSOCIATE-RQ within 5000 ms', 'end', 'destroy']);
    const rejected = stage('acceptor');
    rejected.association.transportConnected();
    rejected.association.receive(encodePdu(associateRq()));
    rejected.association.reject({ type: 'associate-rj', result: 1, source: 1, reason: 1 });
    expect(rejected.news()).toEqual(['associate requested', 'sent associate-rj']);
    rejected.timers[1]?.fire();
    expect(rejected.news()).toEqual(['end', 'destroy']);
  });

  it('is deaf after something that cannot be a PDU', () => {
    const { association, news } = established('acceptor');
    association.receive(Buffer.from('99', 'hex'));
    association.receive(Buffer.from('0000000000', 'hex'));
    association.receive(data);
    association.receive(encodePdu(associateRq()));
    expect(news()).toEqual(['sent abort', 'aborted by us: unrecognised PDU type 99H']);
    association.transportClosed();
    expect(news()).toEqual(['closed']);
  });

  it('hears nothing more of a chunk in which its user found a protocol error', () => {
    const actors = established('acceptor', (association) => association.protocolError('not DIMSE', 6));
    actors.association.receive(
      Buffer.concat([data, encodePdu(associateRq()), data, Buffer.from('420000000000', 'hex')]),
    );
    expect(actors.news()).toEqual(['data 2', 'sent abort', 'aborted by us: not DIMSE']);
  });

  it('answers what comes instead of a close (AA-7) once: who reads nothing must not make answers gather', () => {
    const { association, news } = stage('acceptor');
    association.transportConnected();
    association.receive(encodePdu(associateRq()));
    association.reject({ type: 'associate-rj', result: 1, source: 1, reason: 1 });
    for (let i = 0; i < 3; i++)
      association.receive(Buffer.concat([encodePdu(associateRq()), encodePdu(associateRq())]));
    expect(news()).toEqual(['associate requested', 'sent associate-rj', 'sent abort']);
  });

  it('tells a cut in the middle of a PDU from one between two', () => {
    const clean = established('acceptor');
    clean.association.transportClosed();
    expect(clean.news()).toEqual(['aborted by transport: connection closed without A-RELEASE', 'closed']);
    const cut = established('acceptor');
    cut.association.receive(data.subarray(0, 13));
    cut.association.transportClosed();
    expect(cut.news().slice(1)).toEqual([
      'aborted by transport: connection closed without A-RELEASE in the middle of a PDU',
      'closed',
    ]);
  });

  it('our own abort is told once, and not at all when there is nothing to abort', () => {
    const { association, news } = established('requestor');
    association.abort('enough');
    association.abort('again');
    expect(news()).toEqual(['sent abort', 'aborted by us: enough']);
    const idle = stage('acceptor');
    idle.association.abort('nobody there');
    expect(idle.news()).toEqual([]);
  });
});
