import { describe, expect, it } from 'vitest';
import { digestOfInputs, jobFor, receiptOrigin, type Subject } from '../../src/delivery/jobs.ts';
import { CHAIN_START, isDeidentified, signReceipt } from '../../src/delivery/receipt.ts';
import { generateSigningKey } from '../../src/delivery/signingKey.ts';
import type { Delivery } from '../../src/spool/index/deliveryQueue.ts';
import { receiptDraft, sha256 } from '../support/receipts.ts';

const space = { prefix: '', site: 's' };
const delivery: Delivery = {
  id: 7,
  kind: 'result',
  store: 'research',
  instance: null,
  study: '2.25.1',
  state: 'ready',
  priority: 0,
  attempts: 0,
  nextAttemptAt: 0,
  errorCode: null,
  errorMessage: null,
  failedAt: null,
  key: 's/studies/2.25.1/results/ct/1.0.0/report.json',
  bodyBytes: null,
  sha256: null,
};
const figures = {
  bytesIn: 1000,
  bytesOut: 30,
  instancesIn: 2,
  instancesOut: 0,
  files: 1,
  notSelected: 0,
  quarantined: 0,
  cpuSeconds: 0.5,
  peakMemoryBytes: 1,
  wallMs: 1,
  promisedRatio: null,
};
const run = {
  format: 'medusa.run/1' as const,
  route: 'to-research',
  application: 'ct',
  version: '1.0.0',
  scope: 'study' as const,
  unit: '1.2.840.1',
  study: '1.2.840.1',
  store: 'research',
  priority: 0,
  revision: 2,
  outputStudy: '2.25.1',
  outputUnit: '2.25.1',
  isDeidentified: true,
  steps: [{ name: 'deidentify', version: '1', detail: 'basic' }],
  figures,
  finishedAt: 9,
};
const input = (name: string, receivedAt: number, peer = 'CT1') => ({
  sha256: sha256(name),
  size: 500,
  receivedAt,
  peer,
});
const subject: Extract<Subject, { kind: 'result' }> = {
  kind: 'result',
  result: {
    kind: 'file',
    name: 'report.json',
    contentType: 'application/json',
    size: 30,
    sha256: sha256('report'),
    pieces: [],
    from: [1, 2],
  },
  run,
  inputs: [input('b', 5), input('a', 3)],
  version: 1,
};
const ranges = () => [{ path: '/spool/run/report.json', offset: 0, length: 30 }];

describe('a job for a result', () => {
  it('carries its ranges under the key that the index has for it, and never overwrites', () => {
    expect(jobFor(delivery, subject, space, ranges)).toEqual({
      id: 7,
      store: 'research',
      key: delivery.key,
      size: 30,
      sha256: sha256('report'),
      contentType: 'application/json',
      content: { ranges: ranges() },
      ifAbsent: true,
    });
  });

  it('cannot be made without what it is about, or without a key', () => {
    for (const [given, about] of [
      [delivery, undefined],
      [{ ...delivery, key: null }, subject],
    ] as const) {
      expect(() => jobFor(given, about, space, ranges)).toThrow(
        expect.objectContaining({ code: 'delivery.cannot-prepare' }),
      );
    }
    expect(() => jobFor(delivery, { kind: 'body', body: undefined }, space, ranges)).toThrow();
  });
});

describe('what the receipt of a result says of its origin', () => {
  it('is digests, sizes and a time, when it was de-identified', () => {
    const origin = receiptOrigin(subject);
    expect(origin).toEqual({
      sopInstanceUid: undefined,
      version: 1,
      studyInstanceUid: '2.25.1',
      seriesInstanceUid: undefined,
      received: {
        sha256: sha256(`${[sha256('a'), sha256('b')].sort().join('\n')}\n`),
        size: 1000,
        at: 5,
        peer: '',
      },
      steps: [{ name: 'ct', version: '1.0.0', detail: 'split application, study, revision 2' }, ...run.steps],
    });
    const { receipt, line } = signReceipt(
      { ...receiptDraft(delivery.key ?? '', 'report'), ...origin },
      CHAIN_START,
      's',
      generateSigningKey(),
    );
    expect(isDeidentified(receipt)).toBe(true);
    expect(receipt).toMatchObject({ sopInstanceUid: '', seriesInstanceUid: '', studyInstanceUid: '2.25.1' });
    expect(line).not.toMatch(/1\.2\.840|CT1|to-research/);
  });

  it('names the sender when people are as they were, and there is one', () => {
    const plain = { ...subject, run: { ...run, isDeidentified: false, steps: [] } };
    expect(receiptOrigin(plain)?.received.peer).toBe('CT1');
    const mixed = { ...plain, inputs: [input('a', 1), input('b', 2, 'CT2')] };
    expect(receiptOrigin(mixed)?.received.peer).toBe('');
  });

  it('is not taken for de-identified because of what an application is called', () => {
    const named = { ...run, application: 'deidentify', isDeidentified: false, steps: [] };
    const mixed = { ...subject, run: named, inputs: [input('a', 1), input('b', 2, 'CT2')] };
    const origin = receiptOrigin(mixed);
    if (origin === undefined) throw new Error('no origin');
    expect(origin.received.peer).toBe('');
    expect(isDeidentified(origin)).toBe(false);
  });

  it('stands for its inputs by one digest, however they are ordered', () => {
    expect(digestOfInputs([sha256('a')])).toBe(sha256('a'));
    expect(digestOfInputs([sha256('a'), sha256('a')])).toBe(sha256('a'));
    expect(digestOfInputs([sha256('a'), sha256('b')])).toBe(digestOfInputs([sha256('b'), sha256('a')]));
    expect(digestOfInputs([sha256('a'), sha256('b')])).not.toBe(digestOfInputs([sha256('a'), sha256('c')]));
    expect(digestOfInputs([])).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is nothing for manifests and receipts', () => {
    expect(receiptOrigin({ kind: 'body', body: Buffer.from('x') })).toBeUndefined();
    expect(receiptOrigin(undefined)).toBeUndefined();
  });
});
