/** Who may associate, from the configuration's peers and limits: closed by default (invariant 9). Pure but for the counts. */
import { BlockList, isIP } from 'node:net';
import { type AccessPolicy, type Admission, type Caller, rejection } from '../dicom/services/access.ts';
import { printable } from '../dicom/services/printable.ts';
import type { Configuration, PeerConfiguration } from './config/configuration.ts';
import { aeTitlePattern } from './config/fields.ts';

export type AssociationCounts = { total(): number; ofPeer(aeTitle: string): number };

type PreparedPeer = { peer: PeerConfiguration; addresses: BlockList | undefined };

function addressList(networks: readonly string[] | undefined): BlockList | undefined {
  if (networks === undefined) return undefined;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** IPv4 callers of an IPv6 socket come as ::ffff:a.b.c.d. */
const plainAddress = (address: string) => address.replace(/^::ffff:(?=\d+\.)/, '');

function fromAllowedAddress({ addresses }: PreparedPeer, caller: Caller): boolean {
  if (addresses === undefined) return true;
  const address = plainAddress(caller.address);
  return addresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function withAllowedCertificate({ peer }: PreparedPeer, caller: Caller): boolean {
  if (peer.certificateFingerprints === undefined) return true;
  return caller.certificate !== undefined && peer.certificateFingerprints.includes(caller.certificate.fingerprint);
}

function refuse(kind: keyof typeof rejection, why: string, hint: string): Admission {
  return { admitted: false, rejection: rejection[kind], why, hint };
}

export function accessPolicy(
  config: Pick<Configuration, 'aeTitle' | 'peers' | 'limits'>,
  counts: AssociationCounts,
  spoolRefusal: () => string | undefined,
): AccessPolicy {
  const peers = config.peers.map((peer) => ({ peer, addresses: addressList(peer.addresses) }));
  return {
    admit({ callingAeTitle, calledAeTitle }, caller): Admission {
      if (!aeTitlePattern.test(callingAeTitle)) {
        return refuse(
          'callingAeTitleNotRecognized',
          'the calling AE title is none',
          'PS3.5 6.2: printable ASCII, not blank',
        );
      }
      const named = peers.filter(({ peer }) => peer.aeTitle === callingAeTitle);
      const candidates = named.length > 0 ? named : peers.filter(({ peer }) => peer.aeTitle === '*');
      if (candidates.length === 0) {
        return refuse('callingAeTitleNotRecognized', 'calling AE title is not among the peers', 'add it under peers');
      }
      const here = candidates.filter((candidate) => fromAllowedAddress(candidate, caller));
      if (here.length === 0) {
        return refuse(
          'callingAeTitleNotRecognized',
          'the peer may not call from this address',
          "add it to the peer's addresses",
        );
      }
      const proven = here.filter((candidate) => withAllowedCertificate(candidate, caller));
      if (proven.length === 0) {
        const shown = caller.certificate?.fingerprint ?? 'no certificate';
        const hint = "add the fingerprint to the peer's certificateFingerprints, if it is the right one";
        return refuse('callingAeTitleNotRecognized', `the peer may not use this certificate (${shown})`, hint);
      }
      if (!proven.some(({ peer }) => (peer.calledAeTitles ?? [config.aeTitle]).includes(calledAeTitle))) {
        const expected = proven.flatMap(({ peer }) => peer.calledAeTitles ?? [config.aeTitle]).join(', ');
        return refuse(
          'calledAeTitleNotRecognized',
          'called AE title is not ours',
          `the sender has to call ${expected}`,
        );
      }
      return withinLimits(callingAeTitle);
    },
  };

  function withinLimits(callingAeTitle: string): Admission {
    const { associations, associationsPerPeer } = config.limits;
    if (counts.total() >= associations) {
      return refuse(
        'localLimitExceeded',
        `${associations} associations are open`,
        'raise limits.associations, or wait',
      );
    }
    if (counts.ofPeer(printable(callingAeTitle)) >= associationsPerPeer) {
      const why = `the peer has ${associationsPerPeer} associations open`;
      return refuse('localLimitExceeded', why, 'raise limits.associationsPerPeer, or have the sender open fewer');
    }
    const full = spoolRefusal();
    if (full !== undefined) {
      return refuse(
        'temporaryCongestion',
        `nothing can be stored: ${full}`,
        'see the status page; senders may try again later',
      );
    }
    return { admitted: true };
  }
}
