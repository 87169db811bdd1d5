/** What a peer's refusals mean, in words, and what mends them. The codes are PS3.8 tables 9-21, 9-18, 9-26 and PS3.7 annex C. */
import { statusText } from '../dimse/status.ts';
import { type AssociateRj, contextResult } from '../upperLayer/pdu.ts';

type Explanation = { why: string; hint: string };

const rejections: Readonly<Record<string, Explanation>> = {
  '1/1': { why: 'no reason given', hint: "look at the peer's log" },
  '1/2': { why: 'application context name not supported', hint: 'is this port a DICOM port?' },
  '1/3': {
    why: 'calling AE title not recognised',
    hint: 'enter our AE title, address and certificate among the peers that it knows',
  },
  '1/7': { why: 'called AE title not recognised', hint: 'correct the AE title that is called' },
  '2/1': { why: 'no reason given by its association layer', hint: "look at the peer's log" },
  '2/2': { why: 'protocol version not supported', hint: 'is this port a DICOM port?' },
  '3/1': { why: 'temporary congestion', hint: 'try again later' },
  '3/2': { why: 'a limit of the peer is exceeded', hint: 'use fewer associations, or try again later' },
};

/** A-ASSOCIATE-RJ in words. Result 2 is transient: the same request may be accepted later. */
export function explainRejection(rj: Pick<AssociateRj, 'result' | 'source' | 'reason'>): Explanation {
  const known = rejections[`${rj.source}/${rj.reason}`];
  const kind = rj.result === 2 ? 'for now' : 'for good';
  const codes = `result ${rj.result}, source ${rj.source}, reason ${rj.reason}`;
  return {
    why: `rejected ${kind}: ${known?.why ?? 'unknown reason'} (${codes})`,
    hint: known?.hint ?? "look at the peer's log",
  };
}

export function explainContextResult(result: number | undefined): string {
  switch (result) {
    case contextResult.userRejection:
      return 'refused by its user';
    case contextResult.abstractSyntaxNotSupported:
      return 'it does not take this SOP class';
    case contextResult.transferSyntaxesNotSupported:
      return 'it does not take this transfer syntax';
    case undefined:
      return 'it did not answer this proposal';
    default:
      return 'no reason given';
  }
}

/** True for success and for the warnings of C-STORE, which mean "stored, but": PS3.4 B.2.3, PS3.7 C.2. */
export const isStored = (status: number) => status === 0 || status === 0x0001 || status >> 12 === 0xb;

/** A status other than success, in words. */
export function explainStatus(status: number): Explanation {
  const text = statusText(status);
  const answer = (why: string, hint: string) => ({ why: `answered ${text}: ${why}`, hint });
  if (status >> 8 === 0xa7)
    return answer('out of resources', 'the peer is full or overloaded: make space, then send again');
  if (status >> 8 === 0xa9)
    return answer('data set does not match its SOP class', 'the object is malformed or mislabelled');
  if (status >> 12 === 0xc) return answer('cannot understand', 'the object is malformed, or the peer cannot read it');
  if (status >> 12 === 0xb) return answer('stored with a warning', "look at the peer's log");
  switch (status) {
    case 0x0110:
      return answer('processing failure', "look at the peer's log");
    case 0x0111:
      return answer('duplicate SOP instance', 'the peer has this object already');
    case 0x0117:
      return answer('invalid SOP instance', 'its SOP Instance UID is not a UID');
    case 0x0122:
      return answer('SOP class not supported', 'the peer does not take this kind of object');
    case 0x0124:
      return answer('not authorised', 'allow our AE title to store at the peer');
    case 0x0211:
      return answer('unrecognised operation', 'the peer does not offer this service');
    default:
      return answer('failed', "look at the peer's log");
  }
}
