import { describe, expect, it } from 'vitest';
import { isStorageSopClass, uid } from '../../../src/dicom/uids.ts';
import {
  answerExtendedNegotiations,
  answerRoles,
  answerWindow,
  defaultNegotiationPolicy,
  negotiate,
} from '../../../src/dicom/upperLayer/negotiation.ts';

const ct = '1.2.840.10008.5.1.4.1.1.2';
const jpeg = '1.2.840.10008.1.2.4.70';
const context = (id: number, abstractSyntax: string, ...transferSyntaxes: string[]) => ({
  id,
  abstractSyntax,
  transferSyntaxes,
});

describe('negotiation', () => {
  it('takes the transfer syntax that the peer names first: everything is stored as it is', () => {
    expect(negotiate([context(1, ct, jpeg, uid.implicitVrLittleEndian)], defaultNegotiationPolicy)).toMatchObject({
      results: [{ id: 1, result: 0, transferSyntax: jpeg }],
    });
  });

  it('prefers what the policy prefers, where it is proposed', () => {
    const policy = { ...defaultNegotiationPolicy, transferSyntaxPreference: ['1.2.3', uid.implicitVrLittleEndian] };
    expect(negotiate([context(1, ct, jpeg, uid.implicitVrLittleEndian), context(3, ct, jpeg)], policy)).toMatchObject({
      results: [
        { id: 1, result: 0, transferSyntax: uid.implicitVrLittleEndian },
        { id: 3, result: 0, transferSyntax: jpeg },
      ],
    });
  });

  it('answers every context, accepted or not, in the order proposed', () => {
    const findSopClass = '1.2.840.10008.5.1.4.1.2.2.1';
    const negotiated = negotiate(
      [
        context(5, findSopClass, uid.implicitVrLittleEndian),
        context(1, uid.verification, uid.implicitVrLittleEndian),
        context(3, ct), // no transfer syntax at all
        context(7, ct, '../../etc', ''), // none that is a UID
        context(9, '1.3.6.1.4.1.5962.99', '1.3.6.1.4.1.5962.300.1'), // private class, private syntax
      ],
      defaultNegotiationPolicy,
    );
    if ('problem' in negotiated) throw new Error(negotiated.problem);
    expect(negotiated.results.map(({ id, result }) => [id, result])).toEqual([
      [5, 3],
      [1, 0],
      [3, 4],
      [7, 4],
      [9, 0],
    ]);
    expect([...negotiated.accepted.keys()]).toEqual([1, 9]);
    expect(negotiated.accepted.get(9)).toEqual({
      id: 9,
      abstractSyntax: '1.3.6.1.4.1.5962.99',
      transferSyntax: '1.3.6.1.4.1.5962.300.1',
    });
  });

  it.each([
    ['even', [context(2, ct, jpeg)]],
    ['zero', [context(0, ct, jpeg)]],
    ['twice', [context(1, ct, jpeg), context(1, ct, jpeg)]],
  ])('refuses the whole request when an ID is %s', (_what, contexts) => {
    expect(negotiate(contexts, defaultNegotiationPolicy)).toHaveProperty('problem');
  });

  it('accepts an empty proposal with an empty answer', () => {
    expect(negotiate([], defaultNegotiationPolicy)).toEqual({ results: [], accepted: new Map() });
  });

  it('takes every storage SOP class, and nothing that is no UID', () => {
    expect(isStorageSopClass(ct)).toBe(true);
    expect(isStorageSopClass('1.2.840.10008.5.1.4.34.7')).toBe(true);
    expect(isStorageSopClass('1.2.840.10008.5.1.4.34.71')).toBe(false);
    expect(isStorageSopClass(uid.verification)).toBe(false);
    expect(isStorageSopClass('')).toBe(false);
    expect(isStorageSopClass(`${ct}/../../x`)).toBe(false);
    expect(isStorageSopClass(`1.2.840.10008.5.1.4.1.1.${'1'.repeat(60_000)}`)).toBe(false);
    expect(isStorageSopClass('9/../../x')).toBe(false);
  });

  const commitment = uid.storageCommitmentPushModel;
  const withCommitment = { ...defaultNegotiationPolicy, accepts: () => true };
  const both = { ...withCommitment, roles: () => ({ scu: true, scp: true }) };
  it.each([
    ['SCU', { scu: true, scp: false }, withCommitment, { scu: true, scp: false }],
    ['both, of which we take one', { scu: true, scp: true }, withCommitment, { scu: true, scp: false }],
    ['both, where a policy lets it be SCP', { scu: true, scp: true }, both, { scu: true, scp: true }],
    ['SCP, where a policy lets it be SCP', { scu: false, scp: true }, both, { scu: false, scp: true }],
  ])('answers a proposal of %s', (_what, roles, policy, granted) => {
    const proposed = [{ sopClassUid: commitment, ...roles }];
    const contexts = [context(1, commitment, uid.implicitVrLittleEndian)];
    expect(negotiate(contexts, policy, proposed)).toMatchObject({ results: [{ result: 0 }] });
    expect(answerRoles(proposed, new Set([commitment]), policy)).toEqual([{ sopClassUid: commitment, ...granted }]);
  });

  it('refuses the context of a peer that would be SCP only: nobody could do anything on it', () => {
    const proposed = [{ sopClassUid: ct, scu: false, scp: true }];
    const contexts = [context(1, ct, jpeg), context(3, uid.verification, jpeg), context(5, ct, jpeg)];
    const negotiated = negotiate(contexts, defaultNegotiationPolicy, proposed);
    expect(negotiated).toMatchObject({ results: [{ result: 1 }, { result: 0 }, { result: 1 }] });
    expect(answerRoles(proposed, new Set([uid.verification]))).toEqual([]);
  });

  it('lets a proposal of no role at all be none: SCU, by default, and no answer', () => {
    const proposed = [{ sopClassUid: ct, scu: false, scp: false }];
    expect(negotiate([context(1, ct, jpeg)], defaultNegotiationPolicy, proposed)).toMatchObject({
      results: [{ result: 0 }],
    });
    expect(answerRoles(proposed, new Set([ct]))).toEqual([]);
  });

  it('answers role selections once, and only for what was accepted: an answer cannot outgrow its item', () => {
    const flood = Array.from({ length: 10_000 }, () => ({ sopClassUid: ct, scu: true, scp: true }));
    const strange = { sopClassUid: '1.2.3.4', scu: true, scp: true };
    expect(answerRoles([...flood, strange], new Set([ct]))).toEqual([{ sopClassUid: ct, scu: true, scp: false }]);
  });

  it('takes 128 contexts of 128 classes, private ones among them', () => {
    const contexts = Array.from({ length: 128 }, (_, i) => context(i * 2 + 1, `1.3.6.1.4.1.${i}`, jpeg));
    const negotiated = negotiate(contexts, defaultNegotiationPolicy);
    expect('accepted' in negotiated && negotiated.accepted.size).toBe(128);
  });

  it.each([
    ['nothing', undefined, 8, undefined],
    ['less than we take', { invoked: 3, performed: 1 }, 8, 3],
    ['more than we take', { invoked: 30, performed: 9 }, 8, 8],
    ['any number', { invoked: 0, performed: 0 }, 8, 8],
    ['several, where we take one', { invoked: 4, performed: 4 }, 1, 1],
  ])('answers an operations window of %s', (_what, proposed, most, invoked) => {
    expect(answerWindow(proposed, most)).toEqual(invoked === undefined ? undefined : { invoked, performed: 1 });
  });

  describe('SOP class extended negotiation', () => {
    const scuOnly = Buffer.from([3, 0, 0, 0, 2, 0]);
    const offer = (sopClassUid: string) => ({ sopClassUid, applicationInformation: scuOnly });
    const privateClass = '1.3.6.1.4.1.5962.99';

    it('says of storage: full, signatures kept, nothing coerced (PS3.4 table B.3-2)', () => {
      expect(answerExtendedNegotiations([offer(ct), offer(ct)], new Set([ct]))).toEqual([
        { sopClassUid: ct, applicationInformation: Buffer.from([2, 0, 3, 0, 0, 0]) },
      ]);
    });

    it('says nothing of what was not accepted, and of what is not storage', () => {
      const accepted = new Set([uid.verification, privateClass]);
      expect(answerExtendedNegotiations([offer(ct), offer(uid.verification), offer(privateClass)], accepted)).toEqual(
        [],
      );
    });

    it('knows a private class as storage when the peer says so', () => {
      const declared = { version: 0, sopClassUid: privateClass, relatedGeneralSopClassUids: [ct] };
      const answered = (serviceClassUid: string) =>
        answerExtendedNegotiations([offer(privateClass)], new Set([privateClass]), [{ ...declared, serviceClassUid }]);
      expect(answered('1.2.840.10008.4.2')).toHaveLength(1);
      expect(answered('1.2.840.10008.5.1.4.31')).toEqual([]);
    });
  });
});
