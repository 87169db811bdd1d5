/** A socket as the association's transport. */
import type { Socket } from 'node:net';
import type { Timers, Transport } from '../upperLayer/association.ts';

export function socketTransport(socket: Socket): Transport {
  return {
    write: (bytes) => (socket.writable ? socket.write(bytes) : true),
    onDrain: (callback) => {
      socket.once('drain', callback);
    },
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    end: () => {
      // The peer gets what was written and our FIN; if it does not close its side, it is closed for it.
      socket.end();
      socket.resume();
      setTimeout(() => socket.destroy(), 5_000).unref();
    },
    destroy: () => {
      socket.destroy();
    },
  };
}

export const systemTimers: Timers = {
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
