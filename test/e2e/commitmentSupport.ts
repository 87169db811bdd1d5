/** Storage commitment as Orthanc asks for it and shows it, and what tests wait for. */
import type { OrthancServer } from '../support/orthancServer.ts';

export type OrthancReference = { SOPClassUID: string; SOPInstanceUID: string };

export type OrthancCommitment = {
  Status: 'Pending' | 'Success' | 'Failure';
  RemoteAET: string;
  Success: OrthancReference[];
  Failures: Array<OrthancReference & { FailureReason: number }>;
};

/** N-ACTION to a named modality; throws unless it is answered Success. Resolves with the Transaction UID. */
export async function askOrthanc(
  orthanc: OrthancServer,
  modality: string,
  what: { Resources?: string[]; DicomInstances?: OrthancReference[] },
): Promise<string> {
  const answer = await orthanc.rest('POST', `/modalities/${modality}/storage-commitment`, what);
  return (answer as { ID: string }).ID;
}

/** What Orthanc knows of the transaction, as soon as a report has come. */
export async function reportedTo(orthanc: OrthancServer, id: string, timeoutMs = 60_000): Promise<OrthancCommitment> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const state = (await orthanc.rest('GET', `/storage-commitment/${id}`)) as OrthancCommitment;
    if (state.Status !== 'Pending') return state;
    if (Date.now() > deadline) throw new Error('no report came to Orthanc in time');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function waitFor(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
