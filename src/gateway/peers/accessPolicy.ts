/**
 * Who may associate: closed by default (invariant 9). What a caller has to prove comes first, what it asks for after that:
 * a stranger learns neither that an AE title is known here, nor how we are called, nor how busy we are.
 */
import {
  type AccessPolicy,
  type AccessRequest,
  type Admission,
  type Caller,
  type LimitName,
  rejection,
} from '../../dicom/services/access.ts';
import { printable } from '../../dicom/services/printable.ts';
import { aeTitlePattern } from '../config/fields.ts';
import { type Admittance, admitCommand } from './admitCommand.ts';
import { certificateProblem, type Entrance, hintOnInvalid, userIdentityProblem } from './peerChecks.ts';
import { isFromAllowedAddress, type PeerDirectory, type PreparedPeer } from './peerDirectory.ts';

export type AssociationCounts = { total(): number; ofPeer(aeTitle: string): number };

export type AccessPolicyParts = {
  /** Asked at each association, so that a changed configuration takes effect. */
  peers(): PeerDirectory;
  /** The listeners that callers name; one that is not among them is taken to need a certificate. */
  entrances: readonly Entrance[];
  counts: AssociationCounts;
  /** Why nothing can be stored at present. */
  spoolRefusal(): string | undefined;
  /** Stands in the command that a hint names. */
  configFile?: string;
};

type Refusal = Extract<Admission, { admitted: false }>;

function refuse(kind: keyof typeof rejection, why: string, hint: string, limit?: LimitName): Refusal {
  return { admitted: false, rejection: rejection[kind], why, hint, ...(limit === undefined ? {} : { limit }) };
}

/** The entrance that a caller came in by. */
export function entranceOf(entrances: readonly Entrance[], name: string): Entrance {
  return entrances.find((entrance) => entrance.name === name) ?? { name, tls: true, requiresCertificate: true };
}

export type ReviewingPolicy = AccessPolicy & {
  /** Why somebody who was admitted is not one of the peers any more: only who it is counts, not limits or our name. */
  strangerNow(request: AccessRequest, caller: Caller): { why: string; hint: string } | undefined;
};

export function accessPolicy(parts: AccessPolicyParts): ReviewingPolicy {
  return {
    admit(request, caller) {
      const directory = parts.peers();
      const found = peerOrRefusal(parts, directory, request, caller);
      if ('admitted' in found) return found;
      const refusal =
        calledTitleRefusal(parts, directory, found, request.calledAeTitle) ??
        limitRefusal(parts, directory, found, request.callingAeTitle);
      return refusal ? { ...refusal, identified: true } : { admitted: true, terms: found.terms };
    },
    strangerNow(request, caller) {
      const found = peerOrRefusal(parts, parts.peers(), request, caller);
      return 'admitted' in found ? found : undefined;
    },
  };
}

/** The entry that speaks for a caller who has proved to be meant by it. */
function peerOrRefusal(
  parts: AccessPolicyParts,
  directory: PeerDirectory,
  request: AccessRequest,
  caller: Caller,
): PreparedPeer | Refusal {
  const { callingAeTitle } = request;
  if (!aeTitlePattern.test(callingAeTitle)) {
    const hint = 'set one at the sender: 1 to 16 printable ASCII characters (PS3.5 6.2)';
    return refuse('callingAeTitleNotRecognized', 'the calling AE title is none', hint);
  }
  const found = directory.find(callingAeTitle);
  if (found === undefined) {
    const why = 'the calling AE title is not among the peers';
    return refuse('callingAeTitleNotRecognized', why, admitHint(parts, caller, knocked(callingAeTitle, caller)));
  }
  return identityRefusal(parts, found, request, caller) ?? found;
}

const knocked = (aeTitle: string, { address, certificate }: Caller): Admittance => ({
  aeTitle,
  address,
  ...(certificate === undefined ? {} : { fingerprint: certificate.fingerprint }),
});

function admitHint({ configFile }: AccessPolicyParts, caller: Caller, admittance: Admittance): string {
  const trust = caller.certificate?.trust;
  // Whoever admitted it by its fingerprint would find it rejected again.
  if (trust?.kind === 'invalid' && admittance.fingerprint !== undefined) return hintOnInvalid(trust.problem);
  const command = admitCommand(admittance, configFile);
  if (command === undefined) return 'give the sender an AE title of its own';
  const certificate = caller.certificate ? 'and that is the fingerprint of its certificate, ' : '';
  return `if it is one of your senders, ${certificate}admit it with: ${command}`;
}

/** Is it who it says it is? Address, certificate and user identity. */
function identityRefusal(
  parts: AccessPolicyParts,
  found: PreparedPeer,
  { callingAeTitle: aeTitle, userIdentity }: AccessRequest,
  caller: Caller,
): Refusal | undefined {
  if (!isFromAllowedAddress(found, caller.address)) {
    const hint = admitHint(parts, caller, { aeTitle, address: caller.address });
    return refuse('callingAeTitleNotRecognized', 'the peer may not call from this address', hint);
  }
  const certificate = certificateProblem(found, caller, entranceOf(parts.entrances, caller.listener));
  if (certificate !== undefined) {
    const { certificate: shown } = caller;
    const hint = shown
      ? admitHint(parts, caller, { aeTitle, fingerprint: shown.fingerprint })
      : 'let the sender call a TLS listener, and give it its certificate';
    return refuse('callingAeTitleNotRecognized', certificate, hint);
  }
  const identity = userIdentityProblem(found.peer.userIdentity, userIdentity);
  if (identity === undefined) return undefined;
  return refuse('notAuthorized', identity, 'compare what the sender gives with userIdentity of the peer');
}

function calledTitleRefusal(
  { configFile }: AccessPolicyParts,
  directory: PeerDirectory,
  found: PreparedPeer,
  calledAeTitle: string,
): Refusal | undefined {
  const titles = directory.calledTitles(found);
  if (titles.includes(calledAeTitle)) return undefined;
  const command = admitCommand({ aeTitle: found.peer.aeTitle, calledAeTitle }, configFile);
  const otherwise = command === undefined ? '' : `, or may call us so after: ${command}`;
  const why = `the called AE title ${printable(calledAeTitle)} is not ours`;
  return refuse('calledAeTitleNotRecognized', why, `the sender has to call ${titles.join(' or ')}${otherwise}`);
}

function limitRefusal(
  { counts, spoolRefusal }: AccessPolicyParts,
  { limits }: PeerDirectory,
  { peer }: PreparedPeer,
  callingAeTitle: string,
): Refusal | undefined {
  if (counts.total() >= limits.associations) {
    const why = `${limits.associations} associations are open`;
    return refuse('localLimitExceeded', why, 'raise limits.associations, or wait', 'associations');
  }
  const own = peer.limits?.associations;
  const most = own ?? limits.associationsPerPeer;
  if (counts.ofPeer(printable(callingAeTitle)) >= most) {
    const why = `the peer has ${most} associations open`;
    const hint = (key: string) => `raise ${key}, or have the sender open fewer`;
    if (own === undefined) {
      return refuse('localLimitExceeded', why, hint('limits.associationsPerPeer'), 'associationsPerPeer');
    }
    const key = `peers[${peer.aeTitle}].limits.associations`;
    return { ...refuse('localLimitExceeded', why, hint(key), 'associations'), limitEntry: peer.aeTitle };
  }
  const full = spoolRefusal();
  if (full === undefined) return undefined;
  const hint = 'see the status page; senders may try again later';
  return refuse('temporaryCongestion', `nothing can be stored: ${full}`, hint);
}
