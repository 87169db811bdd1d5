/**
 * The one way in which our processes talk: typed messages over the pipe that Node opens between a parent and its child.
 *
 * - Messages are handled one after another, in the order sent; the next waits until the handler's promise has settled.
 * - `send` settles when the operating system has taken the message: a sender that awaits it is held back by a receiver
 *   that does not read. What a slow handler lets pile up is bounded by the protocol above (jobs sent and not answered).
 * - A handler that throws is reported through `onFault` and the loop goes on: one bad message stops only itself.
 * - `closed` resolves when the other side is gone and every message that still arrived has been handled, so nothing
 *   that the other side said before it died is lost or overtaken by the news of its death.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import { GatewayError } from './errors.ts';

export type Message = { type: string };

/** What `process` and a `ChildProcess` have in common. */
type ProcessEnd = Pick<ChildProcess, 'connected' | 'send' | 'disconnect' | 'on'>;

export type Channel<Outgoing extends Message> = {
  /** Rejects with `channel.closed` (retryable) when the other side is gone. */
  send(message: Outgoing): Promise<void>;
  /** Sends what nobody waits for; when the other side is gone it is dropped. */
  post(message: Outgoing): void;
  /** Messages given to `send` that the operating system has not taken yet. */
  readonly backlog: number;
  readonly closed: Promise<void>;
  /** Says goodbye; the other side's `closed` resolves, and ours. */
  close(): void;
};

export type ChannelHandlers<Incoming extends Message> = {
  onMessage(message: Incoming): void | Promise<void>;
  /** Called with what `onMessage` threw, and for things received that are no message at all. */
  onFault(error: unknown): void;
};

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

function closedError(type: string, cause?: unknown): GatewayError {
  const details = { code: 'channel.closed', operation: `send ${type}`, retryable: true, cause };
  return new GatewayError('the other process is gone', details);
}

function openChannel<Incoming extends Message, Outgoing extends Message>(
  end: ProcessEnd,
  handlers: ChannelHandlers<Incoming>,
): Channel<Outgoing> {
  let backlog = 0;
  let handled: Promise<void> = Promise.resolve();

  const handle = async (message: unknown): Promise<void> => {
    try {
      if (!isMessage(message)) {
        throw new GatewayError('received something that is no message', {
          code: 'channel.malformed',
          operation: 'receive message',
        });
      }
      // The discriminated unions are the contract of two halves of one program, started from one version of it.
      await handlers.onMessage(message as Incoming);
    } catch (error) {
      handlers.onFault(error);
    }
  };
  end.on('message', (message) => {
    handled = handled.then(() => handle(message));
  });

  const closed = new Promise<void>((resolve) => {
    const finish = () => resolve(handled);
    if (end.connected) end.on('disconnect', finish);
    else finish();
  });

  const send = (message: Outgoing): Promise<void> =>
    new Promise((resolve, reject) => {
      if (!end.connected) return reject(closedError(message.type));
      backlog++;
      end.send(message, (error: Error | null) => {
        backlog--;
        if (error) reject(closedError(message.type, error));
        else resolve();
      });
    });

  return {
    send,
    post: (message) => void send(message).catch(() => {}),
    get backlog() {
      return backlog;
    },
    closed,
    close: () => {
      if (end.connected) end.disconnect();
    },
  };
}

/** The child's end. Throws `channel.no-parent` when this process was not started by `startChild`. */
export function openParentChannel<Incoming extends Message, Outgoing extends Message>(
  handlers: ChannelHandlers<Incoming>,
): Channel<Outgoing> {
  const { send, disconnect } = process;
  if (!send || !disconnect) {
    throw new GatewayError('this process has no parent to talk to', {
      code: 'channel.no-parent',
      operation: 'open channel',
      hint: 'this program is started by the gateway, not by hand',
    });
  }
  return openChannel(process as unknown as ProcessEnd, handlers);
}

/** Characters of a stray line that are kept: a child gone mad must not fill our memory or our log. */
const STRAY_LINE_LIMIT = 4096;

/** Resolves when the source has been read to its end. */
function collectLines(source: Readable | null, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  const say = (line: string) => {
    if (line.trim() !== '') onLine(line.slice(0, STRAY_LINE_LIMIT));
  };
  source?.setEncoding('utf8');
  source?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(0, STRAY_LINE_LIMIT);
    for (const line of lines) say(line);
  });
  return new Promise((resolve) => {
    if (!source) return resolve();
    source.on('close', () => {
      say(rest);
      resolve();
    });
  });
}

export type ChildExit = { code: number | null; signal: NodeJS.Signals | null };

export type Child<Outgoing extends Message> = {
  readonly pid: number | undefined;
  readonly channel: Channel<Outgoing>;
  /** Resolves when the process has ended and its channel has been drained. Never rejects. */
  readonly ended: Promise<ChildExit>;
  kill(signal: NodeJS.Signals): void;
};

export type ChildOptions = {
  /** Absolute path of the module to run, with this process's own Node and flags. */
  module: string;
  args?: string[];
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Each line that the child prints by itself: warnings of the runtime, the last words of a crash. */
  onStrayLine(line: string, stream: 'stdout' | 'stderr'): void;
};

/** Starts a child process. A start that fails shows as an `ended` with neither code nor signal. */
export function startChild<Incoming extends Message, Outgoing extends Message>(
  options: ChildOptions,
  handlers: ChannelHandlers<Incoming>,
): Child<Outgoing> {
  const child = fork(options.module, options.args ?? [], {
    execPath: process.execPath,
    execArgv: process.execArgv,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'json',
  });
  const exited = new Promise<ChildExit>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', (error) => {
      handlers.onFault(error);
      if (child.pid !== undefined) return;
      if (child.connected) child.disconnect();
      resolve({ code: null, signal: null });
    });
  });
  // Not the event 'close', which never comes once we have disconnected; and not 'exit' alone, for the last words on
  // stderr belong to the crash that they explain.
  const printed = (['stdout', 'stderr'] as const).map((stream) =>
    collectLines(child[stream], (line) => options.onStrayLine(line, stream)),
  );
  const channel = openChannel<Incoming, Outgoing>(child, handlers);
  const ended = Promise.all([exited, channel.closed, ...printed]).then(([exit]) => exit);
  return { pid: child.pid, channel, ended, kill: (signal) => void child.kill(signal) };
}
