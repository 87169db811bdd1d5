/**
 * Brings the index up to the receipts at start. Receipts are written before the index hears of a delivery, so after a crash
 * the last of them may be news; after a rebuild of the index all of them are.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Settled } from '../spool/index/deliveryQueue.ts';
import type { Spool } from '../spool/spool.ts';
import { parseResultKey } from './objectKeys.ts';
import type { UsableLedger } from './openLedger.ts';
import type { Receipt } from './receipt.ts';

const batchSize = 1_000;

/** Returns how many deliveries were marked from receipts. */
export async function reconcile(options: {
  spool: Spool;
  ledger: UsableLedger;
  clock: Clock;
  log: Log;
}): Promise<number> {
  const { spool, ledger, clock, log } = options;
  const from = (spool.index.getMeta('receipts-indexed') ?? 0) + 1;
  let marked = 0;
  let batch: Receipt[] = [];
  const flush = () => {
    const last = batch.at(-1);
    if (last === undefined) return;
    spool.index.transaction(() => {
      const settled = batch.map((receipt) => settle(spool, receipt)).filter((one) => one !== undefined);
      spool.queue.markDelivered(settled, clock.now());
      spool.index.setMeta('receipts-indexed', last.seq);
      marked += settled.length;
    });
    batch = [];
  };
  for await (const { receipt } of ledger.read(from)) {
    batch.push(receipt);
    if (batch.length === batchSize) flush();
  }
  flush();
  if (marked > 0) log.info('delivery.reconciled', 'deliveries were marked from their receipts', { deliveries: marked });
  return marked;
}

/** The delivery that a receipt settles; undefined when nothing is to be delivered, for only the receipt is left. */
const settle = (spool: Spool, receipt: Receipt): Settled | undefined =>
  isOfResult(receipt) ? settleResult(spool, receipt) : settleInstance(spool, receipt);

/** What was received and delivered as it was has no steps; what an application made has at least the application itself. */
const isOfResult = ({ steps }: Receipt): boolean => steps.length > 0;

/**
 * An instance whose segment has been recycled is known from its receipt alone: it is entered as pruned, so that it is
 * recognised when it is sent again.
 */
function settleInstance(spool: Spool, receipt: Receipt): Settled | undefined {
  const { store } = receipt.delivered;
  const known = spool.queue.findForReceipt(receipt.sopInstanceUid, receipt.version, store);
  if (known) return { id: known.id, receipt: receipt.seq };
  spool.restorePruned({
    sopInstanceUid: receipt.sopInstanceUid,
    version: receipt.version,
    studyInstanceUid: receipt.studyInstanceUid || undefined,
    seriesInstanceUid: receipt.seriesInstanceUid || undefined,
    ...receipt.received,
    store,
    receipt: receipt.seq,
  });
  return undefined;
}

/**
 * A result is known by its store, its key and its digest; the UIDs in its receipt are no instance's that was received. One
 * whose run is no longer kept is entered as delivered: made again, it is not delivered again, and its key goes to no other.
 */
function settleResult(spool: Spool, receipt: Receipt): Settled | undefined {
  const { store, key, sha256, size } = receipt.delivered;
  const known = spool.resultQueue.find(store, key);
  // Under this key lies what the receipt says, and not what is known: its delivery will meet it, and say so.
  if (known) return known.sha256 === sha256 ? { id: known.id, receipt: receipt.seq } : undefined;
  const { sopInstanceUid, seriesInstanceUid, studyInstanceUid, version } = receipt;
  const file = parseResultKey(key);
  spool.restoreResult({
    store,
    key,
    version,
    receipt: receipt.seq,
    studyInstanceUid: studyInstanceUid || undefined,
    result: {
      kind: file === undefined ? 'instance' : 'file',
      name: file?.file ?? '',
      ...(sopInstanceUid === '' ? {} : { sopInstanceUid }),
      ...(seriesInstanceUid === '' ? {} : { seriesInstanceUid }),
      contentType: file === undefined ? 'application/dicom' : 'application/octet-stream',
      size,
      sha256,
    },
  });
  return undefined;
}
