/** The errors that an association of ours ends with, other than those of its connection (connect.ts). */
import { GatewayError } from '../../base/errors.ts';
import type { AssociateRj } from '../upperLayer/pdu.ts';
import { explainRejection } from './words.ts';

const operation = 'association';

export function rejected(subject: string, answer: AssociateRj): GatewayError {
  const { why, hint } = explainRejection(answer);
  const details = { code: 'scu.rejected', operation: 'open association', subject, hint };
  return new GatewayError(`${subject}: ${why}`, { ...details, retryable: answer.result === 2 });
}

export function aborted(subject: string, message: string): GatewayError {
  const hint = "look at the peer's log";
  return new GatewayError(`${subject}: ${message}`, { code: 'scu.aborted', operation, subject, hint });
}

export function abortedByUs(subject: string, message: string): GatewayError {
  return new GatewayError(`${subject}: ${message}`, { code: 'scu.aborted-by-us', operation, subject });
}

export function releasedByPeer(subject: string): GatewayError {
  const details = { code: 'scu.released-by-peer', operation, subject, retryable: true };
  return new GatewayError(`${subject}: the peer released the association`, details);
}
