/** What the access policy would say to a call that nobody makes. Pure. */
import type { Admission, Caller } from '../../../dicom/services/access.ts';
import type { Configuration, ListenerConfiguration, PeerConfiguration } from '../../config/configuration.ts';
import { accessPolicy } from '../../peers/accessPolicy.ts';
import { entrance } from '../../peers/peerChecks.ts';
import { PeerDirectory } from '../../peers/peerDirectory.ts';

/** What is left out is as the peer's entry would have it. */
export type CallOptions = { address?: string; called?: string; fingerprint?: string; subject?: string };

export type SimulatedCall = { listener: string; address: string; called: string; shown: string; verdict: Admission };

/** An address that is documentation only (RFC 5737), for peers that may call from anywhere. */
const anyAddress = '192.0.2.1';

function certificateOf(
  peer: PeerConfiguration,
  { fingerprint, subject }: CallOptions,
): NonNullable<Caller['certificate']> {
  const verified = { kind: 'verified' as const, authorities: peer.certificateIssuers ?? [] };
  if (fingerprint !== undefined) {
    const trust = { kind: 'unverified', problem: 'nobody is asked to vouch for it here' } as const;
    return { fingerprint, subject: subject ?? '', trust };
  }
  if (subject !== undefined) return { fingerprint: '', subject, trust: verified };
  return {
    fingerprint: peer.certificateFingerprints?.[0] ?? '',
    subject: peer.certificateSubjects?.[0] ?? 'CN=any',
    trust: verified,
  };
}

/** A call of the peer on this listener, with all that it has to prove, but for what `options` says. */
export function simulateCall(
  config: Configuration,
  peer: PeerConfiguration,
  listener: ListenerConfiguration,
  options: CallOptions,
): SimulatedCall {
  const directory = new PeerDirectory(config);
  const policy = accessPolicy({
    peers: () => directory,
    entrances: config.listeners.map(entrance),
    counts: { total: () => 0, ofPeer: () => 0 },
    spoolRefusal: () => undefined,
  });
  const address = options.address ?? peer.addresses?.[0]?.split('/')[0] ?? anyAddress;
  const called = options.called ?? peer.calledAeTitles?.[0] ?? config.aeTitle;
  const certificate = listener.tls ? certificateOf(peer, options) : undefined;
  const { userIdentity: identity } = peer;
  const verdict = policy.admit(
    {
      callingAeTitle: peer.aeTitle === '*' ? 'ANYBODY' : peer.aeTitle,
      calledAeTitle: called,
      ...(identity === undefined
        ? {}
        : {
            userIdentity: {
              type: identity.passcode === undefined ? 1 : 2,
              positiveResponseRequested: false,
              primary: Buffer.from(identity.user),
              secondary: Buffer.from(identity.passcode ?? ''),
            },
          }),
    },
    { address, port: 0, listener: listener.name, ...(certificate ? { certificate } : {}) },
  );
  return { listener: listener.name, address, called, shown: shownText(peer, listener, options), verdict };
}

function shownText(
  peer: PeerConfiguration,
  { tls }: ListenerConfiguration,
  { fingerprint, subject }: CallOptions,
): string {
  if (!tls) return 'in plain DICOM';
  if (fingerprint !== undefined) return `with the certificate ${fingerprint.slice(0, 8)}…`;
  if (subject !== undefined) return `with a trusted certificate of ${subject}`;
  const own = peer.certificateFingerprints ?? peer.certificateSubjects ?? peer.certificateIssuers;
  return own === undefined ? 'with any trusted certificate' : 'with its certificate';
}
