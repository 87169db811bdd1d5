/**
 * The one place that says which keys the configuration has, what each means, its default, and when a change takes
 * effect: on a reload (`live`) or at the next start (`restart`). The JSON schema for editors is made from it.
 * Sizes become bytes, durations become milliseconds.
 */
import { z } from 'zod';
import { duration, name, size } from '../../base/yaml/fields.ts';
import { modality, uid } from '../../dicom/schemaFields.ts';
import { aeTitle, applicationReference, host, keyPrefix, path, port, secret } from './fields.ts';
import { live, MiB, restart } from './keyMeta.ts';
import { limits } from './limitsSchema.ts';
import { peer, priority } from './peerSchema.ts';
import { processing } from './processingSchema.ts';
import { routeTag } from './routeTags.ts';

const tls = z.strictObject({
  certificateFile: path()
    .exactOptional()
    .meta(
      restart(
        "PEM file with the listener's certificate and the chain that signed it. As with all TLS files, new content is taken on in service.",
      ),
    ),
  keyFile: path().exactOptional().meta(restart('PEM file with the private key of that certificate.')),
  keyPassphrase: secret()
    .exactOptional()
    .meta(restart('Passphrase of the key, when it is encrypted: in place, { env: NAME } or { file: path }.')),
  pkcs12File: path()
    .exactOptional()
    .meta(
      restart('PKCS #12 file (.p12, .pfx) with certificate, chain and key, in place of certificateFile and keyFile.'),
    ),
  pkcs12Passphrase: secret()
    .exactOptional()
    .meta(restart('Its passphrase: in place, { env: NAME } or { file: path }. Left out: an empty one.')),
  clientCaFile: path()
    .exactOptional()
    .meta(restart('PEM file with the authorities that sign the certificates of senders.')),
  crlFile: path()
    .exactOptional()
    .meta(
      restart(
        'PEM file with a revocation list of each of these authorities. Where a list is missing or out of date, senders of that authority are refused.',
      ),
    ),
  requireClientCertificate: z
    .boolean()
    .default(true)
    .meta(
      restart(
        'Refuse senders that show neither a certificate signed by clientCaFile nor one whose fingerprint a peer has.',
      ),
    ),
  minVersion: z
    .enum(['TLSv1.2', 'TLSv1.3'])
    .default('TLSv1.2')
    .meta(restart('Oldest TLS version accepted. TLS 1.2 is limited to the ciphers of BCP 195.')),
});

const listener = z.strictObject({
  name: name().meta(restart('Name of the listener in logs, metrics and the status page.')),
  host: host().default('127.0.0.1').meta(restart('Address of this machine to listen on.')),
  port: port().meta(restart('TCP port. 11112 is registered for DICOM, 2762 for DICOM over TLS; 0 takes any free one.')),
  tls: tls.exactOptional().meta(restart('Certificates for DICOM over TLS. A listener has either this or plain: true.')),
  plain: z
    .literal(true)
    .exactOptional()
    .meta(restart('true: DICOM without TLS. It has to be said; nothing is plain by default.')),
});

const spool = z.strictObject({
  segmentSize: size({ min: 4 * MiB, max: 4096 * MiB })
    .prefault('128MiB')
    .meta(restart('Size of one segment file. Segments are allocated ahead and used again.')),
  quota: size({ min: 4 * MiB })
    .prefault('20GiB')
    .meta(restart('Disk space that the spool may take. When all of it holds undelivered data, senders get A700.')),
  preallocate: z
    .int()
    .min(1)
    .max(4096)
    .default(4)
    .meta(restart('Free segments that are kept allocated ahead of need, for bursts.')),
  reserve: size({ min: 0 })
    .prefault('512MiB')
    .meta(restart('Disk space left free for the index and the receipts. No segment is allocated into it.')),
  keepDelivered: duration({ min: 0, max: Number.MAX_SAFE_INTEGER })
    .prefault('24h')
    .meta(restart('How long delivered instances stay in the spool.')),
  resultsQuota: size({ min: 4 * MiB })
    .prefault('5GiB')
    .meta(
      restart(
        'Disk space that results of split applications may take, beside quota. When it is used up, applications wait until results are delivered.',
      ),
    ),
  bufferMemory: size({ min: 4 * MiB })
    .prefault('64MiB')
    .meta(restart('Memory for received bytes on their way to disk; senders are held back when it is used up.')),
});

const storageCommitment = z.strictObject({
  giveUpAfter: duration({ min: 1000, max: Number.MAX_SAFE_INTEGER })
    .prefault('7d')
    .meta(restart('A commitment that means delivered and is not reached in this time is reported as failed.')),
  reportRetry: z
    .strictObject({
      initial: duration()
        .prefault('10s')
        .meta(restart('First wait after a report that could not be given; it doubles from then on.')),
      cap: duration().prefault('15min').meta(restart('Longest wait between two attempts.')),
      giveUpAfter: duration({ min: 1000, max: Number.MAX_SAFE_INTEGER })
        .prefault('7d')
        .meta(restart('A report that nobody took for so long is dropped, with a warning.')),
    })
    .prefault({})
    .meta(restart('Waiting between attempts to give a report.')),
  pendingPerPeer: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .meta(restart('Requests of one sender that may be pending.')),
  instancesPerRequest: z.int().min(1).max(1_000_000).default(20_000).meta(restart('Instances in one request.')),
});

const study = z.strictObject({
  quietSeconds: z
    .number()
    .min(0.1)
    .max(86_400)
    .default(60)
    .meta(restart('A study to which nothing was added for so many seconds counts as complete.')),
  onAssociationEnd: z
    .union([z.literal('off'), z.number().min(0).max(86_400)], { error: 'is not a number of seconds or off' })
    .default(5)
    .meta({
      ...restart(
        'Applications run so many seconds after the association that brought a study has ended, when no other one brings more of it and the quiet time is not over before. off: the quiet time alone counts.',
      ),
      'x-hint': 'write a number of seconds, or off',
    }),
});

const storeName = () => name().meta(restart('Name of the store, for routes, logs and metrics.'));
const storePrefix = () =>
  keyPrefix().default('medusa').meta(restart('Folder in the store under which all keys begin.'));

const directoryStore = z.strictObject({
  name: storeName(),
  type: z.literal('directory').meta(restart('directory: files below a folder, for one machine or a NAS.')),
  path: path().meta(restart('Folder that holds the objects. It is made if it is not there.')),
  prefix: storePrefix(),
});

const s3Store = z.strictObject({
  name: storeName(),
  type: z.literal('s3').meta(restart('s3: any object store with the S3 protocol.')),
  endpoint: z.url({ protocol: /^https?$/, error: 'is not an http or https URL' }).meta({
    ...restart('URL of the store, without the bucket.'),
    'x-hint': 'write a URL such as https://s3.example.org:8443',
  }),
  region: z.string().min(1).default('us-east-1').meta(restart('Region that requests are signed for.')),
  bucket: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$/, 'is not a bucket name')
    .meta({
      ...restart('Bucket. It has to exist.'),
      'x-hint': 'a bucket name has 3 to 63 letters, digits, dots and hyphens',
    }),
  prefix: storePrefix(),
  accessKeyId: z.string().min(1).meta(restart('Access key.')),
  secretAccessKey: secret().meta(restart('Secret of the access key: in place, { env: NAME } or { file: path }.')),
  pathStyle: z
    .boolean()
    .default(true)
    .meta(restart('true: the bucket is in the path of URLs, false: in the host name.')),
  caFile: path()
    .exactOptional()
    .meta(restart("PEM file with the authority of the store's certificate, when it is not a public one.")),
  multipartThreshold: size({ min: 5 * MiB })
    .prefault('16MiB')
    .meta(restart('Objects from this size on are sent in parts.')),
  partSize: size({ min: 5 * MiB, max: 5120 * MiB })
    .prefault('8MiB')
    .meta(restart('Size of a part. S3 takes parts from 5MiB and at most 10000 of them.')),
});

const route = z.strictObject({
  name: name().meta(restart('Name of the route in logs and metrics.')),
  match: z
    .strictObject({
      peers: z.array(aeTitle()).min(1).exactOptional().meta(restart('Calling AE titles.')),
      modalities: z.array(modality()).min(1).exactOptional().meta(restart('Modalities (0008,0060).')),
      sopClasses: z.array(uid()).min(1).exactOptional().meta(restart('SOP Class UIDs.')),
      tags: z
        .array(routeTag)
        .min(1)
        .max(16)
        .exactOptional()
        .meta(restart('Tests of attributes at the top level of the data set; all have to hold.')),
    })
    .prefault({})
    .meta(restart('What goes this way: all that is said has to fit. Left out: everything.')),
  store: name().meta(restart('Name of the store that it goes to.')),
  application: applicationReference()
    .exactOptional()
    .meta(
      restart('Split application that it goes through: its name, or name@version. Left out: instances go as they are.'),
    ),
  quietSeconds: z
    .number()
    .min(0.1)
    .max(86_400)
    .exactOptional()
    .meta(
      restart(
        'So many seconds after the last instance of a study or series came, the application runs. Left out: study.quietSeconds.',
      ),
    ),
  priority: priority()
    .exactOptional()
    .meta(restart("normal or urgent, for what goes this way. Left out: the sender's priority.")),
});

const applications = z.strictObject({
  directory: path()
    .exactOptional()
    .meta(restart('Folder with the split applications, each in a folder of its own with an application.yaml.')),
});

const delivery = z.strictObject({
  concurrency: z.int().min(1).max(64).default(8).meta(restart('Uploads at the same time, for each store.')),
  retry: z
    .strictObject({
      initial: duration().prefault('1s').meta(restart('First wait after a failure; it doubles from then on.')),
      cap: duration().prefault('5min').meta(restart('Longest wait between two attempts.')),
    })
    .prefault({})
    .meta(restart('Waiting between attempts.')),
  quarantineAfter: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .meta(
      restart('Failed attempts of one object, while its store serves others, before it is set aside in quarantine.'),
    ),
});

const api = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .meta(restart('Status page, API and metrics over HTTP. The Unix socket in stateDirectory is always there.')),
  host: host()
    .default('127.0.0.1')
    .meta(restart('Address to listen on. There is no access control yet: keep it local.')),
  port: port().default(8104).meta(restart('TCP port; 0 takes any free one.')),
});

const log = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .meta(live('debug, info, warn, error or silent. One JSON line per event on standard output.')),
});

/** A closed section: everything in it has a default, so all of it may be left out. */
export const configurationSchema = z
  .strictObject({
    site: name().meta(restart('Name of the site. It becomes part of every key in the stores: choose it once.')),
    aeTitle: aeTitle().default('MEDUSA').meta(live('Our AE title.')),
    stateDirectory: path()
      .default('/var/lib/medusa-gateway')
      .meta(restart('Folder for the spool, the index, receipts and the local socket. On a local disk, not a NAS.')),
    listeners: z.array(listener).default([]).meta(restart('Where senders call: one entry for each address and port.')),
    peers: z.array(peer).default([]).meta(live('Who may send. Nobody else may.')),
    limits: limits.prefault({}).meta(live('What one sender, and all together, may ask for.')),
    spool: spool.prefault({}).meta(restart('The place on disk where instances wait.')),
    storageCommitment: storageCommitment
      .prefault({})
      .meta(restart('Storage commitment (PS3.4 annex J), for the senders that have it.')),
    study: study.prefault({}).meta(restart('When a study counts as complete.')),
    stores: z
      .array(z.discriminatedUnion('type', [directoryStore, s3Store]))
      .default([])
      .meta(restart('Where instances are delivered to.')),
    applications: applications.prefault({}).meta(restart('The split applications that routes may name.')),
    routes: z.array(route).default([]).meta(restart('Which instances go to which store; each that fits is served.')),
    processing: processing.prefault({}).meta(restart('How split applications are run.')),
    delivery: delivery.prefault({}).meta(restart('How instances are delivered.')),
    api: api.prefault({}).meta(restart('Local status page and API.')),
    log: log.prefault({}).meta(live('What is logged.')),
  })
  .meta({ title: 'MEDUSA Edge Gateway configuration' });

/** As parsed: sizes in bytes, durations in milliseconds, secrets still by reference. */
export type ParsedConfiguration = z.output<typeof configurationSchema>;
