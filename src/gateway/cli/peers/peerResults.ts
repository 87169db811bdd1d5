/** What can be said about one peer: its entry, what a call of it would come to, and its receiver of reports. */
import { lookup } from 'node:dns/promises';
import { isStorageSopClass } from '../../../dicom/uids.ts';
import { formatDuration } from '../../../web/format.ts';
import type { KnockEntry } from '../../../web/peers.ts';
import type { PeerStatus } from '../../../web/status.ts';
import type { Configuration, PeerConfiguration } from '../../config/configuration.ts';
import { readCertificates } from '../../config/pem.ts';
import { isBound } from '../../peers/peerChecks.ts';
import { isLoopback } from '../check/configurationCheck.ts';
import { type CheckResult, fail, ok, warn } from '../check/result.ts';
import { checkValidity } from '../check/tlsCheck.ts';
import { type CallOptions, type SimulatedCall, simulateCall } from './simulate.ts';

export type TestOptions = CallOptions & { listener?: string };

/** The entry by itself: what it binds the peer to, and whether anything comes of what it sends. */
export function entryResults(peer: PeerConfiguration, { listeners, routes }: Configuration): CheckResult[] {
  const results: CheckResult[] = [];
  const subject = 'entry';
  if (isBound(peer) && !listeners.some((listener) => listener.tls)) {
    const hint = 'add a TLS listener, or remove its fingerprints and subjects';
    results.push(fail(subject, 'it has to show a certificate, but no listener has TLS', hint));
  }
  const exposed = listeners.some((listener) => listener.plain && !isLoopback(listener.host));
  if (!isBound(peer) && peer.addresses === undefined && peer.userIdentity === undefined && exposed) {
    results.push(warn(subject, 'over plain DICOM its AE title is all that proves who it is', 'give it addresses'));
  }
  if (peer.sopClasses && !peer.sopClasses.some((prefix) => isStorageSopClass(prefix))) {
    results.push(warn(subject, 'none of its sopClasses is a storage SOP class: it can send nothing', 'see sopClasses'));
  }
  const { aeTitle } = peer;
  const isTaken = routes.some(({ match }) => aeTitle === '*' || (match.peers ?? [aeTitle]).includes(aeTitle));
  if (!isTaken) results.push(warn(subject, 'no route takes what it sends: it is kept, but goes nowhere', 'see routes'));
  return results.length > 0 ? results : [ok(subject, 'is sound, and a route takes what it sends')];
}

function callResult({ listener, address, called, shown, verdict }: SimulatedCall, otherwise: typeof fail): CheckResult {
  const subject = `listener ${listener}`;
  const call = `a call from ${address}, called ${called}, ${shown}`;
  if (verdict.admitted) return ok(subject, `${call}, would be admitted`);
  const { result, source, reason } = verdict.rejection;
  return otherwise(subject, `${call}, would be rejected (${result}/${source}/${reason}): ${verdict.why}`, verdict.hint);
}

/** A call on each listener. When one of them admits it, that the others do not is as it should be, unless it was asked for. */
export function callResults(peer: PeerConfiguration, config: Configuration, options: TestOptions): CheckResult[] {
  const listeners = config.listeners.filter(({ name }) => options.listener === undefined || name === options.listener);
  const calls = listeners.map((listener) => simulateCall(config, peer, listener, options));
  const asked = Object.values(options).some((value) => value !== undefined);
  const anyAdmits = calls.some(({ verdict }) => verdict.admitted);
  const otherwise = !asked && anyAdmits ? (subject: string, message: string) => ok(subject, message) : fail;
  return calls.map((call) => callResult(call, otherwise));
}

/** Whether the receiver of storage commitment reports can be found, and what is used to call it. */
export async function reportResults({ storageCommitment }: PeerConfiguration, now: number): Promise<CheckResult[]> {
  const report = storageCommitment?.report;
  if (report === undefined) return [];
  const subject = 'storageCommitment.report';
  const results: CheckResult[] = [];
  try {
    const { address } = await lookup(report.host);
    results.push(ok(subject, address === report.host ? `${address} is an address` : `${report.host} is ${address}`));
  } catch {
    results.push(fail(subject, `the host name ${report.host} is not known`, 'check its spelling and the DNS'));
  }
  for (const key of ['caFile', 'certificateFile'] as const) {
    const file = report.tls?.[key];
    const certificates = file === undefined ? undefined : readCertificates(file);
    if (certificates?.ok && certificates.value[0]) {
      results.push(checkValidity(`${subject}.tls.${key}`, certificates.value[0], now));
    }
  }
  return results;
}

/** What the running gateway saw of it; `figures` and `knocks` are undefined when none runs. */
export function seenResults(
  peer: PeerConfiguration,
  running: { figures: PeerStatus | undefined; knocks: readonly KnockEntry[] } | undefined,
  now: number,
): CheckResult[] {
  if (running === undefined) return [warn('seen', 'no gateway runs here: when it last called is not known')];
  const ago = (at: number) => `${formatDuration(now - at)} ago`;
  const { figures, knocks } = running;
  const seen =
    figures?.lastSeenAt === undefined || figures.associations === 0
      ? ok('seen', 'it has not been admitted since figures are kept')
      : ok(
          'seen',
          `last ${ago(figures.lastSeenAt)}; ${figures.associations} associations, ${figures.instances} instances`,
        );
  const rejected = knocks
    .filter(({ callingAeTitle }) => callingAeTitle === peer.aeTitle)
    .map(({ address, lastAt, why, hint }) => warn('knocked', `${ago(lastAt)} from ${address}, rejected: ${why}`, hint));
  return [seen, ...rejected];
}
