/** What every A-ASSOCIATE-RQ has to fulfil, beside what the access policy asks of the caller. Pure but for the policy. */
import { uid } from '../uids.ts';
import { type AssociateRq, maxContexts } from '../upperLayer/pdu.ts';
import { type AccessPolicy, type Admission, type Caller, rejection } from './access.ts';
import { printable } from './printable.ts';

export function admissionOf(
  request: AssociateRq,
  caller: Caller,
  access: AccessPolicy,
  limits: { presentationContexts: number },
): Admission {
  if ((request.protocolVersion & 1) === 0) {
    const why = `protocol version ${request.protocolVersion}`;
    return {
      admitted: false,
      rejection: rejection.protocolVersionNotSupported,
      why,
      hint: 'version 1 is the only one there is',
    };
  }
  if (request.applicationContext !== uid.applicationContext) {
    const why = `application context ${printable(request.applicationContext)}`;
    return { admitted: false, rejection: rejection.applicationContextNotSupported, why, hint: 'this is not DICOM' };
  }
  const { callingAeTitle, calledAeTitle, userInformation } = request;
  const { userIdentity } = userInformation;
  const admission = access.admit({ callingAeTitle, calledAeTitle, ...(userIdentity ? { userIdentity } : {}) }, caller);
  if (!admission.admitted || request.contexts.length <= limits.presentationContexts) return admission;
  return {
    admitted: false,
    rejection: rejection.localLimitExceeded,
    why: `${request.contexts.length} presentation contexts, at most ${limits.presentationContexts} are allowed`,
    hint: `raise limits.presentationContexts (to ${maxContexts} at most)`,
    identified: true,
    limit: 'presentationContexts',
  };
}
