/** Who listens on a port, told by the kernel's table: nothing is connected to, so the server sees nothing. */
import { readFileSync } from 'node:fs';

const listenState = '0A';
/** As the kernel writes them: the bytes of each 32-bit word in the machine's order (little endian). */
const loopbackAddresses = new Set(['0100007F', '00000000000000000000000001000000']);

/** Hexadecimal local addresses of the sockets that listen on `port`. */
function addressesOf(port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    readFileSync(table, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = '', , state]) => state === listenState && local.endsWith(`:${hexPort}`))
      .map(([, local = '']) => local.split(':')[0] ?? ''),
  );
}

export function isListening(port: number): boolean {
  return addressesOf(port).length > 0;
}

/** False as well when nobody listens. */
export function listensOnLoopbackOnly(port: number): boolean {
  const addresses = addressesOf(port);
  return addresses.length > 0 && addresses.every((address) => loopbackAddresses.has(address));
}
