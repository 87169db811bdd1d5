import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type Child, openParentChannel, startChild } from '../../src/base/channel.ts';
import type { FromEcho, ToEcho } from '../support/children/echoChild.ts';

const module = fileURLToPath(new URL('../support/children/echoChild.ts', import.meta.url));

const started: Array<Child<ToEcho>> = [];
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill('SIGKILL');
    await child.ended;
  }
});

function start(onMessage?: (message: FromEcho) => void | Promise<void>) {
  const received: FromEcho[] = [];
  const faults: unknown[] = [];
  const stray: string[] = [];
  let wake = () => {};
  const child = startChild<FromEcho, ToEcho>(
    { module, onStrayLine: (line) => void stray.push(line) },
    {
      onMessage: async (message) => {
        await onMessage?.(message);
        received.push(message);
        wake();
      },
      onFault: (error) => void faults.push(error),
    },
  );
  started.push(child);
  const until = async (condition: () => boolean) => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { child, received, faults, stray, until };
}

describe('channel', () => {
  it('carries messages both ways, in order, the next one only when the one before has been handled', async () => {
    const { child, received, until } = start();
    await child.channel.send({ type: 'slow', text: 'first', ms: 30 });
    await child.channel.send({ type: 'say', text: 'second' });
    await until(() => received.length === 2);
    expect(received).toEqual([
      { type: 'said', text: 'first' },
      { type: 'said', text: 'second' },
    ]);
  });

  it('reports a handler that throws, and handles the messages after it', async () => {
    const { child, received, until } = start();
    await child.channel.send({ type: 'throw' });
    await child.channel.send({ type: 'say', text: 'still here' });
    await until(() => received.length === 2);
    expect(received[0]).toEqual({ type: 'fault', message: 'Error: told to throw' });
    expect(received[1]).toEqual({ type: 'said', text: 'still here' });
  });

  it('reports a throwing handler of the parent as well', async () => {
    const seen: string[] = [];
    const { child, faults, received, until } = start((message) => {
      if (message.type === 'said') seen.push(message.text);
      if (seen.length === 1) throw new Error('parent stumbles');
    });
    await child.channel.send({ type: 'say', text: 'a' });
    await child.channel.send({ type: 'say', text: 'b' });
    await until(() => received.length === 1);
    expect(seen).toEqual(['a', 'b']);
    expect(faults.map(String)).toEqual(['Error: parent stumbles']);
  });

  it('refuses what is no message, and goes on', async () => {
    const { child, received, until } = start();
    await child.channel.send('nonsense' as unknown as ToEcho);
    await child.channel.send({ type: 'say', text: 'x' });
    await until(() => received.length === 2);
    expect(received[0]).toMatchObject({ type: 'fault' });
    expect(received[1]).toEqual({ type: 'said', text: 'x' });
  });

  it('holds back a sender when the other side does not read', async () => {
    const { child, received, until } = start();
    await child.channel.send({ type: 'count', padding: '' });
    await until(() => received.length === 1);
    child.kill('SIGSTOP');
    const padding = 'x'.repeat(64 * 1024);
    const sends = Array.from({ length: 16 }, () => child.channel.send({ type: 'count', padding }));
    await sends[0];
    expect(child.channel.backlog).toBeGreaterThan(0);
    child.kill('SIGCONT');
    await Promise.all(sends);
    expect(child.channel.backlog).toBe(0);
    await until(() => received.length === 17);
  });

  it('hands over everything the child said before it was killed, and only then tells of its death', async () => {
    const order: string[] = [];
    const { child, received } = start(async (message) => {
      // The first word is handled so slowly that the child is long dead before the second one's turn.
      while (received.length === 0 && isAlive(child.pid)) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setImmediate(resolve));
      order.push(message.type);
    });
    const ended = child.ended.then((exit) => {
      order.push('ended');
      return exit;
    });
    await child.channel.send({ type: 'lastWords', count: 200 });
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect(order).toHaveLength(201);
    expect(order.at(-1)).toBe('ended');
    await expect(child.channel.send({ type: 'throw' })).rejects.toMatchObject({
      code: 'channel.closed',
      retryable: true,
    });
  });

  it('tells the child when the parent lets go', async () => {
    const { child } = start();
    await child.channel.send({ type: 'say', text: 'hello' });
    child.channel.close();
    expect(await child.ended).toEqual({ code: 7, signal: null });
  });

  it('collects what the child prints, line by line, cut to a bounded length, the unfinished last one too', async () => {
    const { child, stray, received, until } = start();
    await child.channel.send({ type: 'print', text: `one\n\n${'y'.repeat(10_000)}\nthree` });
    await child.channel.send({ type: 'say', text: 'printed' });
    await until(() => received.length === 1);
    child.channel.close();
    await child.ended;
    expect(stray.map((line) => line.length)).toEqual([3, 4096, 5]);
  });

  it('shows a module that cannot be started as an end with a reason on stderr', async () => {
    const stray: string[] = [];
    const child = startChild<FromEcho, ToEcho>(
      { module: '/nonexistent/module.ts', onStrayLine: (line) => void stray.push(line) },
      { onMessage: () => {}, onFault: () => {} },
    );
    expect(await child.ended).toEqual({ code: 1, signal: null });
    expect(stray.join('\n')).toContain('/nonexistent/module.ts');
  });

  it('says so when a child program is started by hand', () => {
    const { send } = process;
    try {
      Reflect.deleteProperty(process, 'send');
      expect(() => openParentChannel({ onMessage: () => {}, onFault: () => {} })).toThrow(/no parent/);
    } finally {
      Object.assign(process, { send });
    }
  });
});

function isAlive(pid: number | undefined): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
