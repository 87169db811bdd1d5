/** The peers of one configuration, prepared for being asked about at every association. */
import { BlockList, isIP } from 'node:net';
import type { PeerTerms } from '../../dicom/services/access.ts';
import type { LimitsConfiguration, PeerConfiguration } from '../config/configuration.ts';
import { type DistinguishedName, parseDistinguishedName } from './distinguishedName.ts';
import { peerTerms } from './peerTerms.ts';

export type PreparedPeer = {
  peer: PeerConfiguration;
  /** undefined: any address. */
  addresses: BlockList | undefined;
  subjects: readonly DistinguishedName[];
  terms: PeerTerms;
};

/** The name of the entry for everybody who has none of their own. */
export const anyPeer = '*';

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function addressList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

function prepare(peer: PeerConfiguration): PreparedPeer {
  return {
    peer,
    addresses: peer.addresses && addressList(peer.addresses),
    // One that cannot be parsed fits nobody; the configuration was checked for it.
    subjects: (peer.certificateSubjects ?? []).map(parseDistinguishedName).filter((name) => name !== undefined),
    terms: peerTerms(peer),
  };
}

export function isFromAllowedAddress({ addresses }: PreparedPeer, address: string): boolean {
  return addresses === undefined || (isIP(address) !== 0 && addresses.check(address, familyOf(address)));
}

/** A configuration whose secrets are still references will do, but for who has to give a passcode. */
export type DirectorySource = { aeTitle: string; limits: LimitsConfiguration; peers: readonly PeerConfiguration[] };

export class PeerDirectory {
  readonly aeTitle: string;
  readonly limits: LimitsConfiguration;
  readonly #byTitle: ReadonlyMap<string, PreparedPeer>;
  readonly #pinned: ReadonlySet<string>;

  constructor({ aeTitle, peers, limits }: DirectorySource) {
    this.aeTitle = aeTitle;
    this.limits = limits;
    this.#byTitle = new Map(peers.map((peer) => [peer.aeTitle, prepare(peer)]));
    this.#pinned = new Set(peers.flatMap((peer) => peer.certificateFingerprints ?? []));
  }

  /** The entry that speaks about this calling AE title: its own, else that for everybody. */
  find(callingAeTitle: string): PreparedPeer | undefined {
    return this.findOwn(callingAeTitle) ?? this.#byTitle.get(anyPeer);
  }

  /** The entry of this AE title alone. */
  findOwn(aeTitle: string): PreparedPeer | undefined {
    return this.#byTitle.get(aeTitle);
  }

  /** Whether some peer is expected to show the certificate with this fingerprint (lower-case hexadecimal). */
  isPinned(fingerprint: string): boolean {
    return this.#pinned.has(fingerprint);
  }

  get anyPinned(): boolean {
    return this.#pinned.size > 0;
  }

  /** AE titles by which this peer may call us. */
  calledTitles({ peer }: PreparedPeer): readonly string[] {
    return peer.calledAeTitles ?? [this.aeTitle];
  }
}
