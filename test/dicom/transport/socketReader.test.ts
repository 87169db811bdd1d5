import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ReadingMode, readSocket } from '../../../src/dicom/transport/socketReader.ts';
import { type DicomTls, makeDicomTls, tlsOptions } from '../../support/dicomTls.ts';

let tls: DicomTls;
beforeAll(async () => {
  tls = await makeDicomTls();
});
afterAll(() => tls.remove());

const cleanUp: Array<() => void> = [];
afterEach(() => {
  for (const done of cleanUp.splice(0)) done();
});

/** A client socket and the accepted one, as the listener gets it. */
async function pair(kind: 'plain' | 'tls'): Promise<{ client: Socket; accepted: Socket }> {
  const server: Server = createServer({ noDelay: true, pauseOnConnect: true });
  const terminator = createTlsServer({ cert: tls.server.certificate, key: tls.server.key }); // listens nowhere
  if (kind === 'tls') server.on('connection', (raw) => terminator.emit('connection', raw));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepting = kind === 'plain' ? once(server, 'connection') : once(terminator, 'secureConnection');
  const client =
    kind === 'plain' ? connect(port, '127.0.0.1') : connectTls({ port, host: '127.0.0.1', ...tlsOptions(tls.client) });
  const [accepted] = (await accepting) as [Socket | TLSSocket];
  cleanUp.push(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return { client, accepted };
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe.each(['plain', 'tls'] as const)('readSocket, %s', (kind) => {
  it('reads into the shared buffer on this version of Node', async () => {
    const { accepted } = await pair(kind);
    expect(readSocket(accepted, () => {})).toBe('shared-buffer');
  });

  describe.each(['shared-buffer', 'data-events'] as const satisfies ReadingMode[])('by %s', (mode) => {
    it('hands over every byte in order, and the end', async () => {
      const { client, accepted } = await pair(kind);
      const sent = randomBytes(3_000_001);
      const hash = createHash('sha256');
      let length = 0;
      const ended = once(accepted, 'end');
      const used = readSocket(
        accepted,
        (bytes) => {
          length += bytes.length;
          hash.update(bytes);
        },
        mode,
      );
      expect(used).toBe(mode);
      client.end(sent);
      await ended;
      expect(length).toBe(sent.length);
      expect(hash.digest('hex')).toBe(digest(sent));
    });

    it('stays paused when the bytes that came before it was called lead to that', async () => {
      const { client, accepted } = await pair(kind);
      const seen: string[] = [];
      if (kind === 'tls') {
        client.write('early');
        while (accepted.readableLength < 5) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const onBytes = (bytes: Buffer) => {
        seen.push(bytes.toString());
        accepted.pause();
      };
      readSocket(accepted, onBytes, mode);
      if (kind === 'plain') {
        client.write('early');
        while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      client.write('late');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(seen).toEqual(['early']);
      accepted.resume();
      while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(seen).toEqual(['early', 'late']);
    });

    it('stops when paused, goes on when resumed, and loses nothing', async () => {
      const { client, accepted } = await pair(kind);
      const sent = randomBytes(20_000_000);
      const hash = createHash('sha256');
      let length = 0;
      let pauses = 0;
      const ended = once(accepted, 'end');
      readSocket(
        accepted,
        (bytes) => {
          const before = length;
          length += bytes.length;
          hash.update(bytes);
          if (Math.floor(before / 2_000_000) === Math.floor(length / 2_000_000)) return;
          accepted.pause();
          const at = length;
          setTimeout(() => {
            pauses++;
            // What was on its way into JavaScript may still have come, but not what the network holds.
            expect(length - at).toBeLessThan(200_000);
            accepted.resume();
          }, 20);
        },
        mode,
      );
      client.end(sent);
      await ended;
      expect(pauses).toBeGreaterThanOrEqual(9);
      expect(hash.digest('hex')).toBe(digest(sent));
    });
  });
});
