/** Keys under `limits`: what one sender, and all together, may ask for. */
import { z } from 'zod';
import { duration, size } from '../../base/yaml/fields.ts';
import { live, MiB, restart } from './keyMeta.ts';

export const limits = z.strictObject({
  connections: z
    .int()
    .min(2)
    .max(65536)
    .default(4096)
    .meta(restart('Open connections in all, those included that have not asked for an association yet.')),
  pendingConnections: z
    .int()
    .min(1)
    .max(65536)
    .default(3072)
    .meta(
      restart('Connections that have not asked for an association yet; when there are more, the oldest are closed.'),
    ),
  associations: z.int().min(1).max(4096).default(128).meta(live('Open associations in all.')),
  associationsPerPeer: z.int().min(1).max(4096).default(64).meta(live('Open associations of one calling AE title.')),
  maxPduLength: size({ min: 4096, max: 16 * MiB })
    .prefault(131072)
    .meta(live('Longest PDU that senders may send, in bytes, as announced to them.')),
  presentationContexts: z.int().min(1).max(128).default(128).meta(live('Presentation contexts in one request.')),
  associateRequestBytes: size({ min: 4096, max: 16 * MiB })
    .prefault('256KiB')
    .meta(live('Longest A-ASSOCIATE-RQ that is read.')),
  artimTimeout: duration({ min: 100 })
    .prefault('30s')
    .meta(
      live('How long a connection may take to ask for an association, and to close after one (ARTIM, PS3.8 9.1.5).'),
    ),
  idleTimeout: duration({ min: 1000 })
    .prefault('60s')
    .meta(
      live('An association on which no PDU, and no 16 KiB of a longer one, has come whole for so long is aborted.'),
    ),
  minimumRate: size({ min: 0 })
    .prefault('1KiB')
    .meta(
      live(
        'Slowest average, in bytes a second over idleTimeout, at which a message that has begun may come; 0 is no limit.',
      ),
    ),
  operationsWindow: z
    .int()
    .min(1)
    .max(256)
    .default(8)
    .meta(
      live(
        'Unanswered requests that one association may have, if the sender proposes several (asynchronous operations window, PS3.7 D.3.3.3).',
      ),
    ),
  instanceBytes: size({ min: 1 })
    .prefault('16GiB')
    .meta(
      live(
        'Largest instance that is taken: a larger one is answered A700, and one of more than twice the size ends the association.',
      ),
    ),
  associationBytes: z
    .union([z.literal('unlimited').transform(() => Number.POSITIVE_INFINITY), size({ min: 1 })], {
      error: 'is not a size',
    })
    .prefault('unlimited')
    .meta({
      ...live('Most bytes that one association may send, or unlimited.'),
      'x-hint': 'write a size such as 500GB, or unlimited',
    }),
});
