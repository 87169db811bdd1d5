/** What the courier is asked to do for a delivery, and what its receipt will say. Pure. */
import { createHash } from 'node:crypto';
import { GatewayError } from '../base/errors.ts';
import type { Delivery } from '../spool/index/deliveryQueue.ts';
import type { InstanceRecord } from '../spool/index/instanceIndex.ts';
import type { CourierJob, FileRange } from './courierProtocol.ts';
import { instanceKey, type KeySpace } from './objectKeys.ts';
import type { ReceiptDraft } from './receipt.ts';
import type { Confirmation } from './store/objectStore.ts';

const contentTypes = {
  instance: 'application/dicom',
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

/** Throws when the instance or its bytes are not there: such a delivery cannot be made. */
export function jobFor(
  delivery: Delivery,
  instance: InstanceRecord | undefined,
  space: KeySpace,
  rangesOf: (record: InstanceRecord) => FileRange[],
  bodyOf: (id: number) => Buffer | undefined,
): CourierJob {
  const shared = { id: delivery.id, store: delivery.store, contentType: contentTypes[delivery.kind] };
  if (delivery.kind === 'instance') {
    if (instance === undefined) throw missing(delivery, 'its instance is not in the index');
    const content = { ranges: rangesOf(instance) };
    const { size, sha256 } = instance;
    return { ...shared, key: instanceObjectKey(space, instance), size, sha256, content, ifAbsent: true };
  }
  const body = bodyOf(delivery.id);
  if (delivery.key === null || body === undefined) throw missing(delivery, 'it has no content');
  return {
    ...shared,
    key: delivery.key,
    size: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
    content: { base64: body.toString('base64') },
    // The manifest alone is replaced, by a later revision of itself.
    ifAbsent: delivery.kind !== 'manifest',
  };
}

function missing(delivery: Delivery, why: string): GatewayError {
  return new GatewayError(`delivery ${delivery.id} cannot be made: ${why}`, {
    code: 'delivery.cannot-prepare',
    operation: 'prepare delivery',
    subject: String(delivery.id),
    hint: 'run `medusa-gateway spool check`',
  });
}

/** A whole application: what is delivered is what was received, so no steps. */
export function receiptDraft(instance: InstanceRecord, store: string, confirmation: Confirmation): ReceiptDraft {
  return {
    sopInstanceUid: instance.sopInstanceUid,
    version: instance.version,
    studyInstanceUid: instance.studyInstanceUid,
    seriesInstanceUid: instance.seriesInstanceUid,
    received: { sha256: instance.sha256, size: instance.size, at: instance.receivedAt, peer: instance.peer },
    steps: [],
    store,
    confirmation,
  };
}
