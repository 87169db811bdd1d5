import { describe, expect, it } from 'vitest';
import { isStorageSopClass, uid } from '../../../src/dicom/uids.ts';
import { answerRoles, defaultNegotiationPolicy, negotiate } from '../../../src/dicom/upperLayer/negotiation.ts';

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

  it('grants the SCU role and not the SCP role', () => {
    expect(answerRoles([{ sopClassUid: ct, scu: true, scp: true }], new Set([ct]))).toEqual([
      { sopClassUid: ct, scu: true, scp: false },
    ]);
  });

  it('answers role selections once, and only for what was accepted: an answer cannot outgrow its item', () => {
    const flood = Array.from({ length: 10_000 }, () => ({ sopClassUid: ct, scu: true, scp: true }));
    const strange = { sopClassUid: '1.2.3.4', scu: true, scp: true };
    expect(answerRoles([...flood, strange], new Set([ct]))).toEqual([{ sopClassUid: ct, scu: true, scp: false }]);
  });
});
