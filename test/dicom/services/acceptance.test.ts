/** What is answered to what a peer proposes, from the wire to the wire. */
import { afterEach, describe, expect, it } from 'vitest';
import { acceptanceOf } from '../../../src/dicom/services/acceptance.ts';
import type { AccessRequest, PeerTerms } from '../../../src/dicom/services/access.ts';
import type { Knock } from '../../../src/dicom/services/associationObserver.ts';
import { uid } from '../../../src/dicom/uids.ts';
import { defaultNegotiationPolicy } from '../../../src/dicom/upperLayer/negotiation.ts';
import { type AssociateAc, decodePdu, encodePdu, type UserIdentity } from '../../../src/dicom/upperLayer/pdu.ts';
import { dataSet, secondaryCapture } from '../../support/dataSets.ts';
import { startListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, dataPdus, echoRq, RawPeer, storageContext, storeCommand } from '../../support/rawPeer.ts';

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

const { userInformation } = associateRq();
const anna: UserIdentity = {
  type: 2,
  positiveResponseRequested: true,
  primary: Buffer.from('anna'),
  secondary: Buffer.from('open sesame'),
};

async function associate(changes: Parameters<typeof associateRq>[0], terms?: PeerTerms) {
  const asked: AccessRequest[] = [];
  const running = await startListener({
    intake: new MemoryIntake(),
    access: {
      admit: (request) => {
        asked.push(request);
        return { admitted: true, ...(terms ? { terms } : {}) };
      },
    },
  });
  cleanUp.push(() => running.stop());
  const peer = await RawPeer.connect(running.port);
  cleanUp.push(() => peer.destroy());
  peer.send(associateRq(changes));
  const pdu = await peer.next();
  if (pdu === 'closed') throw new Error('closed');
  return { running, peer, asked, answer: decodePdu(pdu.type, pdu.body) as AssociateAc };
}

describe('user identity', () => {
  it('is handed to the access policy as it came', async () => {
    const { asked } = await associate({ userInformation: { ...userInformation, userIdentity: anna } });
    expect(asked).toEqual([{ callingAeTitle: 'RAWPEER', calledAeTitle: 'GATEWAY', userIdentity: anna }]);
  });

  it.each([
    ['checked, and asked for', anna, { userIdentityConfirmed: true as const }, true],
    ['a user name alone', { ...anna, type: 1 }, { userIdentityConfirmed: true as const }, true],
    ['not asked for', { ...anna, positiveResponseRequested: false }, { userIdentityConfirmed: true as const }, false],
    ['checked by nobody', anna, {}, false],
    ['of a kind that wants a ticket back', { ...anna, type: 3 }, { userIdentityConfirmed: true as const }, false],
    ['not given', undefined, { userIdentityConfirmed: true as const }, false],
  ])('%s: the answer has 59H: %s', async (_what, userIdentity, terms, due) => {
    const proposal = { ...userInformation, ...(userIdentity ? { userIdentity } : {}) };
    const { answer } = await associate({ userInformation: proposal }, terms);
    expect(answer.userInformation.userIdentityResponse).toEqual(due ? Buffer.alloc(0) : undefined);
  });

  it('gets into no log line, and to nobody who is told of a rejection', async () => {
    const knocks: Knock[] = [];
    const access = {
      admit: () => ({
        admitted: false as const,
        rejection: { result: 1, source: 1, reason: 1 } as const,
        why: 'user identity is not right',
        hint: 'correct it',
      }),
    };
    const running = await startListener({
      intake: new MemoryIntake(),
      access,
      onRejected: (knock) => knocks.push(knock),
    });
    cleanUp.push(() => running.stop());
    const peer = await RawPeer.connect(running.port);
    cleanUp.push(() => peer.destroy());
    peer.send(associateRq({ userInformation: { ...userInformation, userIdentity: anna } }));
    expect(await peer.answer()).toBe('RJ 1/1/1');
    await running.logged('association.rejected');
    expect(knocks).toHaveLength(1);
    expect(knocks[0]?.request.userInformation).not.toHaveProperty('userIdentity');
    expect(JSON.stringify([running.lines, knocks])).not.toMatch(/anna|sesame|YW5uYQ/);
  });
});

describe('terms of a peer', () => {
  it('say which SOP classes it may propose, and in which syntax we would have them', async () => {
    const ct = '1.2.840.10008.5.1.4.1.1.2';
    const jpeg = '1.2.840.10008.1.2.4.70';
    const negotiation = { accepts: (one: string) => one === secondaryCapture, transferSyntaxPreference: [jpeg] };
    const contexts = [
      { ...storageContext, transferSyntaxes: [uid.explicitVrLittleEndian, jpeg] },
      { id: 5, abstractSyntax: ct, transferSyntaxes: [jpeg] },
    ];
    const { answer } = await associate({ contexts }, { negotiation });
    expect(answer.contexts).toMatchObject([
      { id: 3, result: 0, transferSyntax: jpeg },
      { id: 5, result: 3 },
    ]);
  });
});

describe('extended negotiation', () => {
  it('is answered for storage, beside roles and window', async () => {
    const proposal = {
      ...userInformation,
      roleSelections: [{ sopClassUid: secondaryCapture, scu: true, scp: true }],
      asynchronousOperationsWindow: { invoked: 1, performed: 1 },
      extendedNegotiations: [
        { sopClassUid: secondaryCapture, applicationInformation: Buffer.from([3, 0, 0, 0, 2, 0]) },
        { sopClassUid: uid.verification, applicationInformation: Buffer.from([1]) },
      ],
      commonExtendedNegotiations: [
        { version: 0, sopClassUid: secondaryCapture, serviceClassUid: '1.2.3', relatedGeneralSopClassUids: [] },
      ],
    };
    const { answer } = await associate({ userInformation: proposal });
    expect(answer.userInformation).toEqual({
      maximumLength: 131072,
      implementationClassUid: expect.any(String),
      implementationVersionName: expect.any(String),
      roleSelections: [{ sopClassUid: secondaryCapture, scu: true, scp: false }],
      asynchronousOperationsWindow: { invoked: 1, performed: 1 },
      extendedNegotiations: [
        { sopClassUid: secondaryCapture, applicationInformation: Buffer.from([2, 0, 3, 0, 0, 0]) },
      ],
    });
  });

  it('fits its item, whatever is proposed: 128 classes, each with everything', () => {
    const classes = Array.from({ length: 128 }, (_, i) => `1.2.840.10008.5.1.4.1.1.${'1'.repeat(36)}${100 + i}`);
    const request = associateRq({
      contexts: classes.map((abstractSyntax, i) => ({ ...storageContext, id: i * 2 + 1, abstractSyntax })),
      userInformation: {
        ...userInformation,
        roleSelections: classes.map((sopClassUid) => ({ sopClassUid, scu: true, scp: true })),
        extendedNegotiations: classes.map((sopClassUid) => ({ sopClassUid, applicationInformation: Buffer.alloc(64) })),
        userIdentity: { ...anna, primary: Buffer.alloc(1000) },
      },
    });
    const limits = { maxPduLength: 131072, operationsWindow: 8 };
    const terms = { limits, negotiation: defaultNegotiationPolicy, userIdentityConfirmed: true };
    const acceptance = acceptanceOf(request, terms);
    if ('problem' in acceptance) throw new Error(acceptance.problem);
    const encoded = encodePdu(acceptance.answer);
    expect(decodePdu(2, encoded.subarray(6))).toEqual(acceptance.answer);
    expect(acceptance.contexts.size).toBe(128);
  });
});

describe('operations out of place', () => {
  it('C-ECHO on a storage context is none of its operations', async () => {
    const { peer, running } = await associate({});
    peer.send(echoRq(4, storageContext.id), echoRq(5));
    expect(await peer.answer()).toBe('status 0211 to 4');
    expect(await peer.answer()).toBe('status 0000 to 5');
    expect((await running.logged('dimse.unsupported')).msg).toMatch(
      /0030H is not offered on this context; answered 0211H/,
    );
  });

  it('C-CANCEL, and a response to nothing, have no answer, and the log does not claim one', async () => {
    const { peer, running } = await associate({});
    const bare = { commandDataSetType: 0x0101 };
    peer.send(
      storeCommand({ commandField: 0x0fff, ...bare }),
      storeCommand({ commandField: 0x8001, ...bare }),
      echoRq(5),
    );
    expect(await peer.answer()).toBe('status 0000 to 5');
    const said = running.lines.filter((line) => line.event === 'dimse.unsupported').map((line) => line.msg);
    expect(said).toEqual([
      'command 0FFFH is not offered on this context; it has no answer',
      'command 8001H is not offered on this context; it has no answer',
    ]);
  });

  it('a response with a data set, to nothing, ends the association', async () => {
    const { peer } = await associate({});
    peer.send(storeCommand({ commandField: 0x8001 }), dataPdus(dataSet('explicit')));
    expect(await peer.answer()).toBe('ABORT 2/0');
  });
});
