import { describe, expect, test } from 'vitest';
import { judge, type Meaning } from '../../src/commitment/judgement.ts';
import { isStorageSopClass } from '../../src/dicom/uids.ts';
import type { Holding } from '../../src/spool/spoolTypes.ts';
import { held, reference } from './fixture.ts';

function verdict(holdings: Holding[], means: Meaning, asked = reference('1')): string {
  const judged = judge(asked, holdings, means, isStorageSopClass);
  return judged.kind === 'failed' ? judged.reason.toString(16).padStart(4, '0') : judged.kind;
}

const damaged = { isIntact: false };

describe('what a commitment means', () => {
  const cases: Array<[string, Holding[], string, string]> = [
    // what is known, spooled, delivered
    ['nothing', [], '0112', '0112'],
    ['no route claimed it', [held('received')], 'safe', '0110'],
    ['waits for delivery', [held('ready')], 'safe', 'wait'],
    ['waits for delivery, bytes gone', [held('ready', damaged)], '0110', '0110'],
    ['no store takes it', [held('quarantined')], 'safe', '0110'],
    ['damaged', [held('quarantined', damaged)], '0110', '0110'],
    ['delivered', [held('delivered')], 'safe', 'safe'],
    ['delivered and pruned', [held('pruned', damaged)], 'safe', 'safe'],
    ['over, but no store has anything of it', [held('delivered', { isConfirmed: false })], 'safe', '0110'],
    ['pruned, and no store has anything of it', [held('pruned', { ...damaged, isConfirmed: false })], '0110', '0110'],
    ['only its receipt is left', [held('pruned', { sopClassUid: '', ...damaged })], 'safe', 'safe'],
    ['another SOP class', [held('delivered', { sopClassUid: '1.2.840.10008.5.1.4.1.1.4' })], '0119', '0119'],
    ['one version of two still waits', [held('delivered'), held('ready')], 'safe', 'wait'],
    ['one version of two is damaged', [held('ready'), held('quarantined', damaged)], '0110', '0110'],
    [
      'one version of two has another class',
      [held('delivered'), held('delivered', { sopClassUid: '1.2' })],
      '0119',
      '0119',
    ],
  ];
  test.each(cases)('%s', (_what, holdings, spooled, delivered) => {
    expect([verdict(holdings, 'spooled'), verdict(holdings, 'delivered')]).toEqual([spooled, delivered]);
  });

  test('a class that is no storage class is not supported, unless the instance is here all the same', () => {
    const asked = reference('1', '1.2.840.10008.1.1');
    expect(verdict([], 'spooled', asked)).toBe('0122');
    expect(verdict([held('ready', { sopClassUid: asked.sopClassUid })], 'spooled', asked)).toBe('safe');
  });
});
