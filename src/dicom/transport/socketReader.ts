/**
 * Gets bytes out of a socket at the least cost. Node hands every 16 kB of a TLS connection to JavaScript in a buffer of
 * its own, and allocating these costs more than decrypting them (three times the CPU, docs/decisions/0004). Node can read
 * into one buffer that is used again and again, but offers that for client sockets only (`onread` of net.connect); for
 * accepted ones we reach for the same mechanism by its internal symbols. Where a Node release has moved them, the ordinary
 * `data` event serves, only slower: a test says which of the two is in use.
 */
import type { Socket } from 'node:net';

type Handle = { useUserBuffer?: (buffer: Uint8Array) => void };

export type ReadingMode = 'shared-buffer' | 'data-events';

/** One for all sockets: the consumer has done with the bytes when its call returns. */
const sharedBuffer = Buffer.allocUnsafeSlow(64 * 1024);

function symbolOf(socket: Socket, description: string): symbol | undefined {
  for (let at: object | null = socket; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertySymbols(at).find((symbol) => symbol.description === description);
    if (found) return found;
  }
  return undefined;
}

/**
 * Calls `onBytes` with everything that arrives, in order, until the socket ends. The bytes are valid during the call only.
 * `socket.pause()` and `resume()` stop and go on; a call or two may still come after `pause()`.
 */
export function readSocket(
  socket: Socket,
  onBytes: (bytes: Buffer) => void,
  preferred: ReadingMode = 'shared-buffer',
): ReadingMode {
  const handle = (socket as unknown as { _handle?: Handle })._handle;
  const kBuffer = symbolOf(socket, 'kBuffer');
  const kBufferCb = symbolOf(socket, 'kBufferCb');
  const kBufferGen = symbolOf(socket, 'kBufferGen');
  const early = socket.read() as Buffer | null; // came with the handshake
  let mode: ReadingMode = 'data-events';
  if (preferred === 'shared-buffer' && handle?.useUserBuffer && kBuffer && kBufferCb && kBufferGen) {
    mode = 'shared-buffer';
    const internals = socket as unknown as Record<symbol, unknown>;
    internals[kBuffer] = sharedBuffer;
    internals[kBufferGen] = null;
    internals[kBufferCb] = (length: number, buffer: Uint8Array): boolean => {
      onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      return true;
    };
    handle.useUserBuffer(sharedBuffer);
  } else {
    socket.on('data', onBytes);
  }
  // An accepted socket waits for this (`pauseOnConnect`). Before the early bytes: what they lead to may pause it again.
  socket.resume();
  if (early !== null) onBytes(early);
  return mode;
}
