/** Keys of one entry under `peers`: who may send, how it proves who it is, and what applies to it. */
import { z } from 'zod';
import { duration, size } from '../../base/yaml/fields.ts';
import { uid } from '../../dicom/schemaFields.ts';
import {
  aeTitle,
  aeTitleOrAny,
  distinguishedName,
  fingerprint,
  host,
  network,
  path,
  port,
  secret,
  uidOrPrefix,
} from './fields.ts';
import { live, MiB } from './keyMeta.ts';

export const priority = () => z.enum(['normal', 'urgent']);

const userIdentity = z.strictObject({
  user: z.string().min(1).max(1024).meta(live('User name that the sender has to give.')),
  passcode: secret()
    .exactOptional()
    .meta(
      live(
        'Passcode that has to come with it: in place, { env: NAME } or { file: path }. Left out: a user name alone is taken, and one with a passcode refused.',
      ),
    ),
});

const peerLimits = z.strictObject({
  associations: z.int().min(1).max(4096).exactOptional().meta(live('Open associations of this sender.')),
  maxPduLength: size({ min: 4096, max: 16 * MiB })
    .exactOptional()
    .meta(live('Longest PDU that this sender may send.')),
  operationsWindow: z
    .int()
    .min(1)
    .max(256)
    .exactOptional()
    .meta(live('Unanswered requests that this sender may have on one association.')),
  instanceBytes: size({ min: 1 }).exactOptional().meta(live('Largest instance that is taken from this sender.')),
  associationBytes: size({ min: 1 })
    .exactOptional()
    .meta(live('Most bytes that one association of this sender may send.')),
  idleTimeout: duration({ min: 1000 })
    .exactOptional()
    .meta(live('An association of this sender on which nothing comes for so long is aborted.')),
  minimumRate: size({ min: 0 })
    .exactOptional()
    .meta(live('Slowest average, in bytes a second, at which a message of this sender may come; 0 is no limit.')),
});

const reportTls = z.strictObject({
  caFile: path().meta(live("PEM file with the authority of the certificate that the sender's receiver shows.")),
  certificateFile: path()
    .exactOptional()
    .meta(live('PEM file with the certificate that we show. Left out: that of the first TLS listener.')),
  keyFile: path().exactOptional().meta(live('PEM file with its private key.')),
  serverName: host().exactOptional().meta(live('Name in that certificate, when it is not the host.')),
});

const storageCommitment = z.strictObject({
  means: z
    .enum(['spooled', 'delivered'])
    .default('spooled')
    .meta(
      live(
        'What a successful commitment says: spooled, safe on our disk; delivered, confirmed by every store it goes to.',
      ),
    ),
  report: z
    .strictObject({
      host: host().meta(live('Address of the receiver of reports.')),
      port: port(1).meta(live('Its port.')),
      aeTitle: aeTitle().exactOptional().meta(live("Its AE title. Left out: the sender's.")),
      tls: reportTls.exactOptional().meta(live('Certificates for reports over TLS. Left out: plain DICOM.')),
    })
    .exactOptional()
    .meta(
      live(
        'Where reports go on an association that we open. Left out: they go only on an association that the sender has open.',
      ),
    ),
  sameAssociation: z
    .boolean()
    .default(false)
    .meta(live('true: while the association of the request is open, the report goes on it.')),
});

export const peer = z.strictObject({
  aeTitle: aeTitleOrAny().meta(live('Calling AE title of the sender, or "*" for any.')),
  addresses: z
    .array(network())
    .min(1)
    .exactOptional()
    .meta(live('Addresses or networks (CIDR) that the sender may call from. Left out: any.')),
  certificateFingerprints: z
    .array(fingerprint())
    .min(1)
    .exactOptional()
    .meta(
      live(
        'SHA-256 fingerprints of the certificates that the sender may show; such a one may be self-signed. Left out: see certificateSubjects.',
      ),
    ),
  certificateSubjects: z
    .array(distinguishedName())
    .min(1)
    .exactOptional()
    .meta(
      live(
        'Subjects of certificates that the sender may show when an authority of the listener signed them. Left out, with the fingerprints: any that is trusted.',
      ),
    ),
  certificateIssuers: z
    .array(fingerprint())
    .min(1)
    .exactOptional()
    .meta(
      live(
        'SHA-256 fingerprints of authorities, one of which has to be above such a certificate. Left out: any of the listener. Without certificateSubjects: any certificate that they signed.',
      ),
    ),
  userIdentity: userIdentity.exactOptional().meta(live('User identity (PS3.7 D.3.3.7) that the sender has to give.')),
  priority: priority().default('normal').meta(live('urgent: what this sender sends overtakes the rest in the queue.')),
  calledAeTitles: z
    .array(aeTitle())
    .min(1)
    .exactOptional()
    .meta(live('AE titles by which the sender may call us. Left out: aeTitle above.')),
  sopClasses: z
    .array(uidOrPrefix())
    .min(1)
    .exactOptional()
    .meta(
      live(
        'Storage SOP classes that it may send: UIDs, or the beginnings of UIDs that end in a dot. Left out: all, private ones too.',
      ),
    ),
  transferSyntaxPreference: z
    .array(uid())
    .min(1)
    .exactOptional()
    .meta(live('Transfer syntaxes that we choose first when the sender proposes several. Left out: its own order.')),
  limits: peerLimits.exactOptional().meta(live('Limits of this sender, in place of those under limits.')),
  storageCommitment: storageCommitment
    .exactOptional()
    .meta(live('Storage commitment for this sender. Left out: it is not offered to it.')),
});
