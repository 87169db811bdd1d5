/** The courier's process: the channel to the gateway on one side, a `Courier` on the other. Started by `CourierProcess`. */
import { openParentChannel } from '../base/channel.ts';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log, LogFields } from '../base/log.ts';
import { Courier, type CourierOptions } from './courier.ts';
import type { FromCourier, ToCourier } from './courierProtocol.ts';
import { openStore } from './store/openStore.ts';

const SWEEP_MS = 5000;

/** Log lines go to the gateway, which has the one log of this machine. */
function channelLog(post: (message: FromCourier) => void, base: LogFields = {}): Log {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (event: string, message: string, fields?: LogFields) =>
    post({ type: 'log', level, event, message, fields: { ...base, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => channelLog(post, { ...base, ...fields }),
  };
}

/** Retries within a store show in the log: what goes on for hours must not look like silence. */
const openNotedStore: CourierOptions['openStore'] = (configuration, { log, stateDirectory }) =>
  openStore(configuration, {
    stateDirectory,
    retry: {
      onRetry: ({ operation, subject, failure, attempt, delayMs }) =>
        log.warn('store.retry', `${operation} failed and is tried again: ${failure.message}`, {
          subject,
          code: failure.code,
          attempt,
          delayMs,
        }),
    },
  });

function main(): void {
  const channel = openParentChannel<ToCourier, FromCourier>({
    onMessage: (message) => handle(message),
    onFault: (error) =>
      log.error('courier.fault', 'a message of the gateway could not be handled', { error: describeError(error) }),
  });
  const log = channelLog(channel.post);
  const courier = new Courier({ openStore: openNotedStore, send: channel.send, log, clock: systemClock });
  const sweeping = setInterval(() => courier.sweep(), SWEEP_MS);
  let ready = false;

  const handle = (message: ToCourier): void => {
    switch (message.type) {
      case 'configure':
        courier.configure(message);
        if (!ready) channel.post({ type: 'ready' });
        ready = true;
        return;
      case 'jobs':
        return courier.accept(message.jobs);
      case 'ping':
        return channel.post({ type: 'alive' });
      case 'stop':
        // Not awaited: pings are answered meanwhile.
        void courier.stop(message.graceMs).finally(() => end());
    }
  };
  const end = (): void => {
    clearInterval(sweeping);
    channel.close();
  };

  // A signal to the whole process group is for the gateway to answer: it tells us to stop, or it dies and so do we.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  void channel.closed.then(() => courier.abort()).finally(() => process.exit(0));
}

main();
