/** What the `identity` commands need done, in one place for the command line. */
export { importCertificate } from './importCertificate.ts';
export { initialise, renewSelfSigned, rollBack, signingRequest } from './makeIdentity.ts';
export { showIdentity, trustAnchor } from './showIdentity.ts';
