/** OpenStack Swift with its S3 interface on loopback, from Debian's python3-swift: all of it in one Python process. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  answersHttp,
  freePorts,
  type S3TestServer,
  type ServerProcess,
  startServer,
  waitUntil,
} from './serverProcess.ts';
import { createBucket } from './testBucket.ts';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'swiftAllInOne.py');
/** Debian's Python: the only one that sees Debian's modules. */
const PYTHON = '/usr/bin/python3';

/** Why it cannot be run here; undefined when it can. */
export function swiftMissing(): string | undefined {
  if (existsSync(PYTHON) && existsSync('/usr/lib/python3/dist-packages/swift')) return undefined;
  return 'skipped: not installed: python3-swift (see scripts/debian-packages.txt)';
}

export async function startSwift(): Promise<S3TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'medusa-swift-'));
  const ports = await freePorts(4);
  const user = { accessKeyId: 'test:tester', secretAccessKey: 'medusa-test-secret' };
  const endpoint = `http://127.0.0.1:${ports[0]}`;
  let server: ServerProcess | undefined;

  const start = async (): Promise<void> => {
    const args = [PROGRAM, directory, ...ports.map(String), user.accessKeyId, user.secretAccessKey];
    const started = startServer(PYTHON, args, { logFile: join(directory, 'swift.log') });
    server = started;
    await waitUntil('swift', () => answersHttp(`${endpoint}/healthcheck`), { explain: started.output });
  };
  const stop = async () => server?.stop();
  const remove = async (): Promise<void> => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  const access = { endpoint, region: 'us-east-1', ...user, directory };
  return { ...access, createBucket: (name) => createBucket(access, name), start, stop, remove };
}
