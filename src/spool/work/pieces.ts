/** Pieces of results as bytes of the spool. Pure. */
import { GatewayError } from '../../base/errors.ts';
import type { Extent } from '../segmentFormat.ts';

/** The part of `extents` that holds `length` bytes from `offset` of what they hold together; less when there is less. */
export function slice(extents: readonly Extent[], offset: number, length: number): Extent[] {
  const parts: Extent[] = [];
  let at = 0;
  for (const extent of extents) {
    const from = Math.max(offset, at) - at;
    const to = Math.min(offset + length, at + extent.length) - at;
    if (from < to) parts.push({ ...extent, offset: extent.offset + from, length: to - from });
    at += extent.length;
  }
  return parts;
}

export function resultGone(delivery: number, why: string): GatewayError {
  return new GatewayError(`the result of delivery ${delivery} cannot be read: ${why}`, {
    code: 'work.result-gone',
    operation: 'read result',
    subject: String(delivery),
    hint: 'try its task again: `medusa-gateway queue retry`',
    retryable: false,
  });
}
