/** One task of a split application, end to end, apart from spool and gateway: inputs in, result files and a record out. */
import { GatewayError } from '../../base/errors.ts';
import type { RunEnding, RunRequest } from './runTypes.ts';
import type { WorkerPool } from './workerPool.ts';

export type RunParts = {
  pool: WorkerPool;
};

/**
 * Runs `application` over `inputs`. Never rejects for what is wrong with them or with the application: that is a `failed`
 * ending. What files it wrote are synced when it resolves with `finished`; what else lies in the directory is the caller's
 * to remove.
 */
export async function runApplication(_request: RunRequest, _parts: RunParts): Promise<RunEnding> {
  throw new GatewayError('not there yet', { code: 'engine.unfinished', operation: 'run application' });
}
