/** The local API on its sockets: always a Unix socket, and TCP when it is wanted. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { describeError, GatewayError, systemCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type ApiAnswer, type ApiRequest, answer, failureAnswer } from './routes.ts';
import type { ApiSources } from './status.ts';

export type ApiOptions = {
  /** Path of the Unix socket, at most 107 bytes. Mode 0660: who may use it is decided by the group of its folder. */
  socketPath: string;
  /** Port 0 takes any free one. */
  tcp: { host: string; port: number } | undefined;
  sources: ApiSources;
  log: Log;
};

export type Api = {
  readonly socketPath: string;
  /** `http://127.0.0.1:8104/`, when TCP is served. */
  readonly pageUrl: string | undefined;
  /** Ends all connections and removes the socket. */
  stop(): Promise<void>;
};

const maxBodyBytes = 64 * 1024;
const maxConnections = 64;
const requestTimeoutMs = 10_000;

function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
      else resolve(undefined);
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

function write(response: ServerResponse, { status, headers, body }: ApiAnswer, withBody: boolean): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  response.end(withBody ? bytes : undefined);
}

function tooLarge(response: ServerResponse): void {
  response.writeHead(413, { connection: 'close', 'content-length': 0 });
  response.end();
}

function createApiServer(door: ApiRequest['door'], options: ApiOptions): Server {
  const { sources, log, tcp } = options;
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    if (body === undefined) return tooLarge(response);
    const { method = 'GET', url: target = '/', headers } = request;
    let result: ApiAnswer;
    try {
      const asked = { door, method, target, host: headers.host, contentType: headers['content-type'], body };
      result = await answer(asked, sources, tcp?.host ?? '');
    } catch (error) {
      log.error('api.failed', `request failed: ${describeError(error)}`, { target: target.slice(0, 200) });
      result = failureAnswer(error);
    }
    if (door === 'unix' && method === 'POST')
      log.info('api.change', 'change asked for at the local socket', {
        target,
        body: body.slice(0, 200),
        status: result.status,
      });
    write(response, result, method !== 'HEAD');
  };
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: 5_000,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => {
      respond(request, response).catch((error) => {
        log.debug('api.connection-lost', `connection lost: ${describeError(error)}`);
        response.destroy();
      });
    },
  );
  server.maxConnections = maxConnections;
  return server;
}

function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether somebody answers at a socket; a file that a killed gateway left behind is no one. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ECONNREFUSED'));
  });
}

async function listenOnUnixSocket(server: Server, path: string): Promise<void> {
  if (await isAnswered(path)) {
    throw new GatewayError('another gateway runs on this state directory', {
      code: 'api.already-running',
      operation: 'open local socket',
      subject: path,
      hint: 'stop the other one, or give this one its own stateDirectory',
    });
  }
  rmSync(path, { force: true });
  const mask = process.umask(0o117); // bind() happens within listen(): nobody finds the socket open wider than this
  try {
    const done = listening(server, { path });
    process.umask(mask);
    await done;
  } finally {
    process.umask(mask);
  }
  chmodSync(path, 0o660);
}

async function listenOnTcp(server: Server, tcp: { host: string; port: number }): Promise<string> {
  try {
    await listening(server, tcp);
  } catch (error) {
    throw new GatewayError(`the status page cannot listen on ${tcp.host} port ${tcp.port}`, {
      code: 'api.cannot-listen',
      operation: 'open status page',
      subject: `${tcp.host}:${tcp.port}`,
      hint:
        systemCode(error) === 'EADDRINUSE'
          ? 'the port is in use: set api.port to another, or to 0'
          : 'set api.host to an address of this machine',
      cause: error,
    });
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : tcp.port;
  return `http://${tcp.host.includes(':') ? `[${tcp.host}]` : tcp.host}:${port}/`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/**
 * Starts the API. Errors: `api.already-running` when another gateway answers at the socket, `api.cannot-listen` when the
 * TCP port is taken; then nothing is left open.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { socketPath, tcp } = options;
  const servers: Server[] = [];
  const local = createApiServer('unix', options);
  await listenOnUnixSocket(local, socketPath);
  servers.push(local);
  let pageUrl: string | undefined;
  if (tcp) {
    const server = createApiServer('tcp', options);
    try {
      pageUrl = await listenOnTcp(server, tcp);
      servers.push(server);
    } catch (error) {
      await close(local);
      throw error;
    }
  }
  for (const server of servers) {
    server.on('error', (error) => options.log.error('api.error', `local API: ${describeError(error)}`));
  }
  return {
    socketPath,
    pageUrl,
    stop: async () => {
      await Promise.all(servers.map(close)); // closing a Unix socket removes its file
    },
  };
}
