/**
 * What an event at the reception says of the link from a peer to us. The one place where it is decided; docs/metrics.md
 * says the same for people. Pure.
 *
 * good: an association was accepted; an instance was stored and acknowledged.
 * bad:  the connection broke while a message was on its way or an answer was owed; we gave up waiting for the rest of a
 *       message (idleTimeout, minimumRate); a TLS handshake failed at an address that belongs to this peer alone; we
 *       rejected for congestion or a limit (not: presentationContexts); we answered A700 (out of resources) for want of room;
 *       we did not listen.
 * none: everything else: releases, aborts by the peer, a connection closed between two messages, rejections for who it is or
 *       what it asks for, instances refused for what they are.
 */
import { status } from '../../dicom/dimse/status.ts';
import type { LimitName, Rejection } from '../../dicom/services/access.ts';
import type { Ending } from '../../dicom/services/associationLog.ts';
import type { Evidence } from './minutes.ts';

/** `limit`: the instance was over it. That is answered A700 as well, and says nothing of the link. */
export function evidenceOfAnswer({ status: code, limit }: { status: number; limit?: LimitName }): Evidence | undefined {
  if (code === status.success) return 'good';
  return code === status.outOfResources && limit === undefined ? 'bad' : undefined;
}

/**
 * Congestion and limits are transient rejections by the presentation layer's provider (PS3.8 table 9-21: 2, 3). Too many
 * presentation contexts are rejected so as well, but that is what was asked for, not the link.
 */
export function evidenceOfRejection(verdict: { rejection: Rejection; limit?: LimitName }): Evidence | undefined {
  const { result, source } = verdict.rejection;
  return result === 2 && source === 3 && verdict.limit !== 'presentationContexts' ? 'bad' : undefined;
}

export function evidenceOfEnding({ how, limit, midMessage }: Ending): Evidence | undefined {
  if (midMessage !== true) return undefined;
  const stalled = limit === 'idleTimeout' || limit === 'minimumRate';
  return how === 'closed' || stalled ? 'bad' : undefined;
}
