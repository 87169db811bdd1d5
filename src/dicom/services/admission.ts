/** What every A-ASSOCIATE-RQ has to fulfil before the access policy is asked. Pure but for the policy. */
import { uid } from '../uids.ts';
import type { AssociateRq } from '../upperLayer/pdu.ts';
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
  if (request.contexts.length > limits.presentationContexts) {
    const why = `${request.contexts.length} presentation contexts, at most ${limits.presentationContexts} are allowed`;
    return {
      admitted: false,
      rejection: rejection.localLimitExceeded,
      why,
      hint: 'raise limits.presentationContexts',
      limit: 'presentationContexts',
    };
  }
  const { callingAeTitle, calledAeTitle, userInformation } = request;
  const { userIdentity } = userInformation;
  return access.admit({ callingAeTitle, calledAeTitle, ...(userIdentity ? { userIdentity } : {}) }, caller);
}
