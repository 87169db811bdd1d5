/**
 * The gateway program with steps around the real ones, by its environment: MEDUSA_TEST_HANG and MEDUSA_TEST_DIE name the SOP
 * Instance UID on which a worker hangs or dies, MEDUSA_TEST_SLOW the milliseconds that each instance takes more. All else is
 * the gateway's own.
 */

import { createLog } from '../../../src/base/log.ts';
import { loadConfiguration } from '../../../src/gateway/config/configuration.ts';
import { runGateway } from '../../../src/gateway/gateway.ts';

const file = process.argv.at(-1) ?? '';
const loaded = loadConfiguration(file);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const module = (name: string) => new URL(name, import.meta.url).href;
const gateway = await runGateway(loaded.config, {
  log: createLog({ level: 'info', name: 'gateway' }),
  processing: {
    stepsModule: module('./stepsWithFaults.ts'),
  },
});
process.once('SIGTERM', () => void gateway.stop(5_000).then(() => process.exit(0)));
