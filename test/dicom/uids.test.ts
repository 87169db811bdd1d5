import { describe, expect, test } from 'vitest';
import { isStorageSopClass } from '../../src/dicom/uids.ts';

describe('storage SOP classes', () => {
  test.each([
    ['CT Image', '1.2.840.10008.5.1.4.1.1.2'],
    ['Inventory', '1.2.840.10008.5.1.4.1.1.201.1'],
    ['Protocol Approval', '1.2.840.10008.5.1.4.1.1.200.3'],
    ['XA Defined Procedure Protocol', '1.2.840.10008.5.1.4.1.1.200.7'],
    ['Hanging Protocol', '1.2.840.10008.5.1.4.38.1'],
    ['a private one', '1.3.12.2.1107.5.9.1'],
  ])('%s is one', (_name, sopClass) => {
    expect(isStorageSopClass(sopClass)).toBe(true);
  });

  test.each([
    ['Verification', '1.2.840.10008.1.1'],
    ['Storage Commitment Push Model', '1.2.840.10008.1.20.1'],
    ['Study Root FIND', '1.2.840.10008.5.1.4.1.2.2.1'],
    ['Modality Worklist', '1.2.840.10008.5.1.4.31'],
    ['Protocol Approval Information Model FIND', '1.2.840.10008.5.1.4.1.1.200.4'],
    ['Inventory FIND', '1.2.840.10008.5.1.4.1.1.201.2'],
    ['Repository Query', '1.2.840.10008.5.1.4.1.1.201.6'],
    ['no UID at all', '../1.2'],
  ])('%s is none', (_name, uid) => {
    expect(isStorageSopClass(uid)).toBe(false);
  });
});
