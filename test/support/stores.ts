import type { Confirmation, ObjectStore, PutRequest } from '../../src/delivery/store/objectStore.ts';

/** What a store would confirm of a request that it has read to its end. */
export async function acceptPut(request: PutRequest): Promise<Confirmation> {
  for await (const _ of request.open());
  const { key, size, sha256 } = request;
  return { key, size, sha256, outcome: 'created', confirmedBy: 'synced-write', at: 1 };
}

/** A store of which only `put` is of interest, to make it behave as no real one does on demand. */
export function storeThat(
  put: (request: PutRequest, signal: AbortSignal | undefined) => Promise<Confirmation>,
  name = 'cloud',
): ObjectStore & { closed: boolean } {
  const unused = () => {
    throw new Error('not part of this test');
  };
  return {
    name,
    closed: false,
    capabilities: unused,
    put,
    head: unused,
    get: unused,
    list: unused,
    async close() {
      this.closed = true;
    },
  };
}
