import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Confirmation } from '../../../src/delivery/store/objectStore.ts';
import type { PutChildJob } from './children/putChild.ts';

export type PutResult = Confirmation | { code: string };

export type PutChild = {
  /** Resolves with what it prints after 'ready'. */
  result: Promise<PutResult>;
  /** Resolves when it waits to be let go. */
  ready: Promise<void>;
  go(): void;
  kill(): Promise<void>;
};

export function startPutChild(job: PutChildJob): PutChild {
  const module = join(import.meta.dirname, 'children', 'putChild.ts');
  const child: ChildProcess = spawn(process.execPath, [module, JSON.stringify(job)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { promise: result, resolve, reject } = Promise.withResolvers<PutResult>();
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  result.catch(() => {});
  const ended = once(child, 'exit').then(() => reject(new Error('the writer ended without a result')));
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') isReady();
      else resolve(JSON.parse(line));
    });
  }
  return {
    result,
    ready,
    go: () => void child.stdin?.write('go\n'),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
