/** Keys under `processing`: how split applications are run. */
import { z } from 'zod';
import { duration, size } from '../../base/yaml/fields.ts';
import { MiB, restart } from './keyMeta.ts';

const scanner = z.strictObject({
  address: z
    .string()
    .regex(/^(\/[^\0]+|[A-Za-z0-9.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5})$/, 'is not an address of clamd')
    .meta({
      ...restart('Where clamd listens: the path of its Unix socket, or host:port.'),
      'x-hint': 'write an absolute path such as /run/clamav/clamd.ctl, or host:port such as 127.0.0.1:3310',
    }),
  timeout: duration({ min: 100 })
    .prefault('30s')
    .meta(restart('How long clamd may take nothing and say nothing before it counts as away.')),
  maxSize: size({ min: 1 })
    .prefault('25MiB')
    .meta(
      restart(
        'Largest object that clamd looks through whole: the least of its StreamMaxLength, MaxFileSize and MaxScanSize. Larger ones go into quarantine.',
      ),
    ),
});

export const processing = z.strictObject({
  workers: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .meta(restart('Threads for the built-in steps. They give way to reception; one is right for two processors.')),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(2)
    .meta(restart('Tasks at the same time; an urgent one more when these are full of others.')),
  memoryPerInstance: size({ min: 16 * MiB })
    .prefault('512MiB')
    .meta(restart('Memory that the work on one instance may take; what needs more goes into quarantine.')),
  wallPerInstance: duration({ min: 1000 })
    .prefault('5min')
    .meta(restart('Time that the built-in steps may take for one instance; what needs more goes into quarantine.')),
  retry: z
    .strictObject({
      initial: duration().prefault('10s').meta(restart('First wait after a failure; it doubles from then on.')),
      cap: duration().prefault('10min').meta(restart('Longest wait between two attempts.')),
    })
    .prefault({})
    .meta(restart('Waiting between attempts of a task.')),
  quarantineAfter: z
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .meta(
      restart(
        'Failed attempts of one task before it is set aside in quarantine. A scanner or sandbox that is away does not count.',
      ),
    ),
  scanner: scanner.exactOptional().meta(restart('clamd, for applications with step scan.')),
});
