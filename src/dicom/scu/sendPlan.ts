/** Which objects go together on an association: presentation contexts are few, so objects are grouped by what they need. Pure. */
import { maxContexts, type ProposedContext } from '../upperLayer/pdu.ts';
import type { ObjectFile } from './objectFile.ts';

export type Batch = {
  contexts: ProposedContext[];
  objects: Array<{ object: ObjectFile; contextId: number }>;
};

/**
 * One context for each pair of SOP class and transfer syntax: the data sets are sent as they lie on disk, so a context
 * proposes no other syntax. Order is kept within a pair.
 */
export function planBatches(objects: readonly ObjectFile[], limit = maxContexts): Batch[] {
  const batches: Batch[] = [];
  const places = new Map<string, { batch: Batch; contextId: number }>();
  for (const object of objects) {
    const key = `${object.sopClassUid}/${object.transferSyntaxUid}`;
    let place = places.get(key);
    if (place === undefined) {
      let batch = batches[batches.length - 1];
      if (batch === undefined || batch.contexts.length >= limit) {
        batch = { contexts: [], objects: [] };
        batches.push(batch);
      }
      const contextId = batch.contexts.length * 2 + 1;
      const { sopClassUid: abstractSyntax, transferSyntaxUid } = object;
      batch.contexts.push({ id: contextId, abstractSyntax, transferSyntaxes: [transferSyntaxUid] });
      place = { batch, contextId };
      places.set(key, place);
    }
    place.batch.objects.push({ object, contextId: place.contextId });
  }
  return batches;
}
