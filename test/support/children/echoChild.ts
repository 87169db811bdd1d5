/** The child of test/base/channel.test.ts: does as it is told, through the real channel. */
import { openParentChannel } from '../../../src/base/channel.ts';

export type ToEcho =
  | { type: 'say'; text: string }
  | { type: 'slow'; text: string; ms: number }
  | { type: 'throw' }
  | { type: 'print'; text: string }
  | { type: 'count'; padding: string }
  | { type: 'lastWords'; count: number };

export type FromEcho =
  | { type: 'said'; text: string }
  | { type: 'fault'; message: string }
  | { type: 'counted'; count: number };

let count = 0;

const channel = openParentChannel<ToEcho, FromEcho>({
  onMessage: async (message) => {
    if (message.type === 'throw') throw new Error('told to throw');
    if (message.type === 'slow') await new Promise((resolve) => setTimeout(resolve, message.ms));
    if (message.type === 'say' || message.type === 'slow') await channel.send({ type: 'said', text: message.text });
    if (message.type === 'print') process.stderr.write(message.text);
    if (message.type === 'count') await channel.send({ type: 'counted', count: ++count });
    if (message.type === 'lastWords') {
      for (let i = 0; i < message.count; i++) await channel.send({ type: 'said', text: String(i) });
      process.kill(process.pid, 'SIGKILL');
    }
  },
  onFault: (error) => channel.post({ type: 'fault', message: String(error) }),
});

void channel.closed.then(() => process.exit(7));
