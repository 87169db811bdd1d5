/**
 * An HTTP proxy before a real server, for the faults that no server shows on demand. What it does not spoil it passes on
 * byte by byte, with the Host header as sent, so that signatures hold.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Transform } from 'node:stream';

export type Fault =
  | { kind: 'pass' }
  /** Answered by the proxy; the server never sees the request. `code` is the S3 error code, for a body in XML. */
  | { kind: 'answer'; status: number; code?: string }
  /** Takes the request and never answers. */
  | { kind: 'hang' }
  /** The connection breaks after so many bytes of the request's body. */
  | { kind: 'cutRequest'; afterBytes: number }
  /** The connection breaks after so many bytes of the answer's body. */
  | { kind: 'cutResponse'; afterBytes: number }
  /** The server does what it was asked for, but nobody hears of it. */
  | { kind: 'loseAnswer' }
  /** One bit of the request's body changes on the way. */
  | { kind: 'corruptRequest' };

export type FaultOptions = {
  /** How many requests it spoils before it passes again; for ever when left out. */
  times?: number;
  /** Which requests: by method and by path with query. All when left out. */
  when?: (method: string, url: string) => boolean;
};

export type FaultyProxy = {
  /** http://127.0.0.1:port */
  readonly endpoint: string;
  setFault(fault: Fault, options?: FaultOptions): void;
  /** Requests seen so far: method and path. */
  readonly seen: string[];
  close(): Promise<void>;
};

/** `target` is the address of the server, as in `http://127.0.0.1:7480`. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  let fault: Fault = { kind: 'pass' };
  let options: FaultOptions = {};
  let left = Number.POSITIVE_INFINITY;
  const seen: string[] = [];

  const next = (incoming: IncomingMessage): Fault => {
    const [method, url] = [incoming.method ?? '', incoming.url ?? ''];
    seen.push(`${method} ${url}`);
    if (left <= 0 || !(options.when?.(method, url) ?? true)) return { kind: 'pass' };
    left--;
    return fault;
  };
  const server = createServer((incoming, outgoing) => handle(target, next(incoming), incoming, outgoing));
  // Also what a client sends with `Expect` is passed on.
  server.on('checkContinue', (incoming, outgoing) => {
    outgoing.writeContinue();
    handle(target, next(incoming), incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no address');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    setFault: (newFault, newOptions = {}) => {
      fault = newFault;
      options = newOptions;
      left = newOptions.times ?? Number.POSITIVE_INFINITY;
    },
    seen,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function handle(target: string, fault: Fault, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const breakOff = () => void incoming.socket.destroy();
  incoming.on('error', () => {});
  if (fault.kind === 'hang') return void incoming.resume();
  if (fault.kind === 'answer') {
    incoming.resume();
    const { status, code } = fault;
    const body = code ? `<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>` : '';
    outgoing.writeHead(status, { 'content-type': 'application/xml', 'content-length': body.length });
    return void outgoing.end(incoming.method === 'HEAD' ? '' : body);
  }
  const { hostname, port } = new URL(target);
  const { method, url, rawHeaders } = incoming;
  const upstream = httpRequest({
    hostname,
    port,
    method,
    path: url,
    headers: rawHeaders,
    agent: false,
    setHost: false,
  });
  let answered = false;
  // A server may close at once after an early answer, before it has read the whole request.
  upstream.on('error', () => {
    if (!answered) breakOff();
  });
  outgoing.once('close', () => upstream.destroy());
  upstream.on('response', (answer) => {
    answered = true;
    answer.on('error', breakOff);
    if (fault.kind === 'loseAnswer') return void answer.resume().on('end', breakOff);
    outgoing.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
    if (fault.kind === 'cutResponse') answer.pipe(cutter(fault.afterBytes, breakOff)).pipe(outgoing);
    else answer.pipe(outgoing);
  });
  if (fault.kind === 'cutRequest') incoming.pipe(cutter(fault.afterBytes, breakOff)).pipe(upstream);
  else if (fault.kind === 'corruptRequest') incoming.pipe(corrupter()).pipe(upstream);
  else incoming.pipe(upstream);
}

/** Passes so many bytes, then calls `breakOff` and passes no more. */
function cutter(afterBytes: number, breakOff: () => void): Transform {
  let left = afterBytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, Math.max(0, left));
      left -= chunk.length;
      done(null, part);
      // Later, so that what was passed has left before the socket goes.
      if (left <= 0) setImmediate(breakOff);
    },
  });
}

function corrupter(): Transform {
  let done = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      if (done || chunk.length === 0) return next(null, chunk);
      done = true;
      const changed = Buffer.from(chunk);
      changed[0] = (changed[0] ?? 0) ^ 1;
      next(null, changed);
    },
  });
}
