/** Starts uploader.ts and talks to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { UploadAnswer, UploadRequest } from './uploader.ts';

const program = new URL('./uploader.ts', import.meta.url).pathname;

export type UploadProcess = {
  readonly pid: number;
  /** Resolves when the upload has begun; `finished` when all objects are confirmed, with the seconds that it took. */
  upload(request: UploadRequest): Promise<{ finished: Promise<number> }>;
  stop(): Promise<void>;
};

export function startUploader(): UploadProcess {
  const child: ChildProcess = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('the uploader has no pipes');
  process.once('exit', () => child.kill('SIGKILL'));
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const line = await lines.next();
    if (line.done) throw new Error('the uploader ended');
    const answer = JSON.parse(line.value) as T & { error?: string };
    if (answer.error !== undefined) throw new Error(`uploader: ${answer.error}`);
    return answer;
  };
  const result = async (expected: number): Promise<number> => {
    const answer = await next<UploadAnswer>();
    if ('error' in answer || answer.uploaded !== expected) throw new Error(`uploader: ${JSON.stringify(answer)}`);
    return answer.seconds;
  };
  return {
    pid: child.pid ?? -1,
    upload: async (request) => {
      stdin.write(`${JSON.stringify(request)}\n`);
      await next<{ begun: true }>();
      const finished = result(request.count);
      finished.catch(() => {}); // awaited by the caller, later
      return { finished };
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      stdin.end();
      if (child.exitCode === null) await ended;
    },
  };
}
