/** What has to be written into the configuration so that somebody who knocked is let in the next time. Pure. */
import type { Caller } from '../../dicom/services/access.ts';
import type { KnockEntry } from '../../web/peers.ts';
import { aeTitlePattern } from '../config/fields.ts';
import { entranceOf } from './accessPolicy.ts';
import { isAdmissibleTitle } from './admitCommand.ts';
import { additionOf, type PeerAddition } from './editPeers.ts';
import { certificateProblem, type Entrance, hintOnInvalid, isBound } from './peerChecks.ts';
import { isFromAllowedAddress, type PeerDirectory, type PreparedPeer } from './peerDirectory.ts';

export type Admitting =
  | { possible: true; addition: PeerAddition /** The entry that is there lacks nothing. */; complete: boolean }
  | { possible: false; why: string; hint: string };

const impossible = (why: string, hint: string): Admitting => ({ possible: false, why, hint });

/** The caller as it was seen. */
export function callerOf({ address, listener, certificate }: KnockEntry): Caller {
  const base = { address, port: 0, listener };
  if (certificate === undefined) return base;
  const { fingerprint, subject, problem, invalid, authorities = [] } = certificate;
  const trust =
    problem === undefined
      ? ({ kind: 'verified', authorities } as const)
      : ({ kind: invalid ? 'invalid' : 'unverified', problem } as const);
  return { ...base, certificate: { fingerprint, subject, trust } };
}

/** `anyAddress`: a new entry is not bound to the address that it called from. */
export function admitting(
  knock: KnockEntry,
  directory: PeerDirectory,
  entrances: readonly Entrance[],
  { anyAddress }: { anyAddress: boolean },
): Admitting {
  const { callingAeTitle: aeTitle, calledAeTitle } = knock;
  if (!isAdmissibleTitle(aeTitle)) {
    return impossible('its AE title is none that a peer can have', 'give the sender an AE title of its own');
  }
  if (knock.limit !== undefined) return impossible(`it is no stranger: ${knock.why}`, knock.hint);
  const own = directory.findOwn(aeTitle);
  const entrance = entranceOf(entrances, knock.listener);
  if (knock.certificate === undefined && (entrance.requiresCertificate || (own && isBound(own.peer)))) {
    const why = 'it showed no certificate, and needs one to be admitted';
    return impossible(why, 'have it call a TLS listener with its certificate, in learn mode if that is new');
  }
  const counts = own !== undefined && certificateProblem(own, callerOf(knock), entrance) === undefined;
  if (knock.certificate?.invalid && !counts) {
    const { problem = '' } = knock.certificate;
    return impossible(`its certificate is not valid (${problem})`, hintOnInvalid(problem));
  }
  if (!aeTitlePattern.test(calledAeTitle)) {
    return impossible('it called us by what is no AE title', `set the called AE title there to ${directory.aeTitle}`);
  }
  if (own === undefined) return { possible: true, addition: fresh(knock, directory, anyAddress), complete: false };
  const addition = missing(knock, own, directory, entrance);
  const { addresses, certificateFingerprints, calledAeTitles } = addition;
  const complete = addresses.length + certificateFingerprints.length + calledAeTitles.length === 0;
  return { possible: true, addition, complete };
}

function fresh(
  { callingAeTitle, calledAeTitle, address, certificate }: KnockEntry,
  directory: PeerDirectory,
  anyAddress: boolean,
) {
  return additionOf(callingAeTitle, {
    addresses: anyAddress ? [] : [address],
    certificateFingerprints: certificate ? [certificate.fingerprint] : [],
    calledAeTitles: calledAeTitle === directory.aeTitle ? [] : [calledAeTitle],
  });
}

/** Only what keeps it out: the rest of the entry stays as narrow, or as wide, as it is. */
function missing(knock: KnockEntry, own: PreparedPeer, directory: PeerDirectory, entrance: Entrance): PeerAddition {
  const caller = callerOf(knock);
  const badCertificate = certificateProblem(own, caller, entrance) !== undefined;
  return additionOf(knock.callingAeTitle, {
    addresses: isFromAllowedAddress(own, caller.address) ? [] : [knock.address],
    certificateFingerprints: badCertificate && knock.certificate ? [knock.certificate.fingerprint] : [],
    calledAeTitles: directory.calledTitles(own).includes(knock.calledAeTitle) ? [] : [knock.calledAeTitle],
  });
}
