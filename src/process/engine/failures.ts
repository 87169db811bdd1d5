/** What an error in the work on an item means: for the item alone, or for all. Pure. */
import { GatewayError, systemCode } from '../../base/errors.ts';
import type { WorkAnswer } from './protocol.ts';

/** Errors of the disk that the run's files lie on; nothing that an instance could be blamed for. */
const diskCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'EIO', 'ENOMEM']);

/**
 * `where` is the step or the phase, for people. Only a GatewayError's own message is kept: those of other errors may hold
 * values of the data set.
 */
export function answerOf(error: unknown, where: string): WorkAnswer {
  const code = systemCode(error);
  if (code !== undefined && diskCodes.has(code)) {
    const hint = 'free space on the disk of stateDirectory; it is tried again by itself';
    return { kind: 'unavailable', code: 'engine.disk', reason: `${where}: the disk answers ${code}`, hint };
  }
  if (error instanceof GatewayError) {
    const { message, hint = '', retryable } = error;
    if (!retryable) return { kind: 'refused', code: error.code, reason: message };
    const kind = error.code === 'scan.interrupted' ? 'interrupted' : 'unavailable';
    return { kind, code: error.code, reason: message, hint };
  }
  return { kind: 'refused', code: 'instance.step-failed', reason: `${where} failed: ${nameAndPlace(error)}` };
}

/** `TypeError at deidentify.ts:12`. */
function nameAndPlace(error: unknown): string {
  if (!(error instanceof Error)) return 'something was thrown that is no error';
  const place = /([\w.-]+\.(?:ts|js|mjs)):(\d+)/.exec(error.stack?.slice(error.message.length) ?? '');
  return place === null ? error.name : `${error.name} at ${place[1]}:${place[2]}`;
}
