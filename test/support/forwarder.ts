/** A TCP port that can be opened late: until then callers are refused, from then on they reach another port. Loopback. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export type Forwarder = { stop(): Promise<void> };

export async function startForwarder(port: number, to: number): Promise<Forwarder> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((from) => {
    const onward = connect({ host: '127.0.0.1', port: to });
    for (const socket of [from, onward]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {
        from.destroy();
        onward.destroy();
      });
    }
    from.pipe(onward).pipe(from);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
  return {
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
