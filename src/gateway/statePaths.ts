/** Where things lie below the state directory. */
import { join } from 'node:path';

export function statePaths(stateDirectory: string) {
  return {
    spool: join(stateDirectory, 'spool'),
    receipts: join(stateDirectory, 'receipts'),
    /** The courier's own: what it needs to resume uploads. */
    courier: join(stateDirectory, 'courier'),
    /** Requests for storage commitment that are not reported yet, a file each. */
    commitments: join(stateDirectory, 'commitments'),
    signingKey: join(stateDirectory, 'identity', 'receipts.pem'),
    /** Master key for de-identification: who loses it can never make the same pseudonyms again. */
    deidentificationKey: join(stateDirectory, 'identity', 'deidentification.key'),
    /** Who is behind which pseudonym, encrypted with a key that is derived from it. */
    identityMap: join(stateDirectory, 'identity', 'map.sqlite'),
    /** The sandbox of foreign data parts. */
    sandbox: join(stateDirectory, 'sandbox'),
    /** Last words of data parts that failed; may hold patient data. */
    lastWords: join(stateDirectory, 'last-words'),
    /** Who looked up whose identity, and why: a line each, chained. */
    identityAudit: join(stateDirectory, 'identity', 'reidentified.jsonl'),
    /** What is known of the links to the senders. */
    figures: join(stateDirectory, 'figures.json'),
    socket: join(stateDirectory, 'api.sock'),
  };
}
