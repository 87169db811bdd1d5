/** What the courier is asked to do for a delivery, and what its receipt will say. Pure. */
import { createHash } from 'node:crypto';
import { GatewayError } from '../base/errors.ts';
import type { Delivery } from '../spool/index/deliveryQueue.ts';
import type { InstanceRecord } from '../spool/index/instanceIndex.ts';
import type { ResultDetail, RunHeader } from '../spool/work/resultQueue.ts';
import type { CourierJob, FileRange } from './courierProtocol.ts';
import { instanceKey, type KeySpace } from './objectKeys.ts';
import type { AppliedStep, ReceiptOrigin } from './receipt.ts';

/** What a delivery is about, when it is not a manifest or receipts: these are the bodies of their deliveries. */
export type Subject =
  | { kind: 'instance'; instance: InstanceRecord }
  | ({ kind: 'result' } & ResultDetail)
  | { kind: 'body'; body: Buffer | undefined };

const contentTypes = {
  manifest: 'application/json',
  receipts: 'application/jsonl',
} as const;

export const instanceObjectKey = (space: KeySpace, instance: InstanceRecord): string =>
  instanceKey(space, {
    studyInstanceUid: instance.studyInstanceUid,
    seriesInstanceUid: instance.seriesInstanceUid,
    sopInstanceUid: instance.sopInstanceUid,
    version: instance.version,
    sha256: instance.sha256,
  });

/** `ranges` says where the bytes of an instance or a result lie. Throws when there is nothing: it cannot be made. */
export function jobFor(
  delivery: Delivery,
  subject: Subject | undefined,
  space: KeySpace,
  ranges: () => FileRange[],
): CourierJob {
  const { id, store, key, kind } = delivery;
  if (subject === undefined) throw missing(delivery, `what it is about, ${kind}, is not in the index`);
  if (subject.kind === 'instance') {
    const { size, sha256 } = subject.instance;
    const objectKey = instanceObjectKey(space, subject.instance);
    return { id, store, key: objectKey, ...content('application/dicom', size, sha256), content: { ranges: ranges() } };
  }
  if (key === null) throw missing(delivery, 'it has no key');
  if (subject.kind === 'result') {
    const { size, sha256, contentType } = subject.result;
    return { id, store, key, ...content(contentType, size, sha256), content: { ranges: ranges() } };
  }
  const { body } = subject;
  if (body === undefined || kind === 'instance' || kind === 'result') throw missing(delivery, 'it has no content');
  const sha256 = createHash('sha256').update(body).digest('hex');
  return {
    ...{ id, store, key, ...content(contentTypes[kind], body.length, sha256) },
    content: { base64: body.toString('base64') },
    // The manifest alone is replaced, by a later revision of itself.
    ifAbsent: kind !== 'manifest',
  };
}

const content = (contentType: string, size: number, sha256: string) => ({ contentType, size, sha256, ifAbsent: true });

function missing(delivery: Delivery, why: string): GatewayError {
  return new GatewayError(`delivery ${delivery.id} cannot be made: ${why}`, {
    code: 'delivery.cannot-prepare',
    operation: 'prepare delivery',
    subject: String(delivery.id),
    hint: 'run `medusa-gateway spool check`',
  });
}

/** What the receipt of a delivery will say of its origin; undefined for manifests and receipts, which have none. */
export function receiptOrigin(subject: Subject | undefined): ReceiptOrigin | undefined {
  if (subject?.kind === 'instance') return instanceOrigin(subject.instance);
  return subject?.kind === 'result' ? resultOrigin(subject) : undefined;
}

/** A whole application: what is delivered is what was received, so no steps. */
function instanceOrigin(instance: InstanceRecord): ReceiptOrigin {
  return {
    sopInstanceUid: instance.sopInstanceUid,
    version: instance.version,
    studyInstanceUid: instance.studyInstanceUid,
    seriesInstanceUid: instance.seriesInstanceUid,
    received: { sha256: instance.sha256, size: instance.size, at: instance.receivedAt, peer: instance.peer },
    steps: [],
  };
}

/** Says nothing of a de-identified object's origin but digests, sizes and a time: receipts leave the site. */
function resultOrigin({ result, run, inputs, version }: ResultDetail): ReceiptOrigin {
  return {
    sopInstanceUid: result.sopInstanceUid,
    version,
    studyInstanceUid: run.outputStudy,
    seriesInstanceUid: result.seriesInstanceUid,
    received: {
      sha256: digestOfInputs(inputs.map(({ sha256 }) => sha256)),
      size: inputs.reduce((sum, { size }) => sum + size, 0),
      at: inputs.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0),
      peer: run.isDeidentified ? '' : commonPeer(inputs),
    },
    steps: [applicationStep(run), ...run.steps],
  };
}

/**
 * What stands for the inputs of a result: the digest of the one; of several, the SHA-256 of their digests (lower-case
 * hexadecimal), sorted, each once, with a newline after each.
 */
export function digestOfInputs(digests: readonly string[]): string {
  const sorted = [...new Set(digests)].sort();
  const [only] = sorted;
  if (only !== undefined && sorted.length === 1) return only;
  return createHash('sha256')
    .update(sorted.map((digest) => `${digest}\n`).join(''))
    .digest('hex');
}

/** '' when they came from several. */
function commonPeer(inputs: ResultDetail['inputs']): string {
  const peers = new Set(inputs.map(({ peer }) => peer));
  const [only = ''] = peers;
  return peers.size === 1 ? only : '';
}

const applicationStep = ({ application, version, scope, revision }: RunHeader): AppliedStep => ({
  name: application,
  version,
  detail: `split application, ${scope}, revision ${revision}`,
});
