/** A gateway that does nothing but keep a courier: prints the courier's process id, then waits to be killed. */
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { CourierProcess } from '../../../src/delivery/courierProcess.ts';

const courier = new CourierProcess({
  configuration: { stores: [], concurrency: 1, stateDirectory: '/nonexistent' },
  handlers: {
    onReady: () => void process.stdout.write(`${courier.pid}\n`),
    onConfirmed: () => {},
    onFailed: () => {},
    onReturned: () => {},
  },
  log: createLog({ level: 'silent', name: 'test' }),
  clock: systemClock,
});
courier.start();
