import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { createMemoryLog } from '../../src/base/log.ts';
import { CourierProcess, type CourierProcessOptions } from '../../src/delivery/courierProcess.ts';
import type { CourierJob, JobFailure } from '../../src/delivery/courierProtocol.ts';
import type { Confirmation, StoreConfiguration } from '../../src/delivery/store/objectStore.ts';
import { job, scatter } from '../support/jobs.ts';

const child = (name: string) => fileURLToPath(new URL(`../support/children/${name}.ts`, import.meta.url));

let directory: string;
const running: CourierProcess[] = [];
const cleanUp: Array<() => Promise<void> | void> = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'medusa-courier-'));
});
afterEach(async () => {
  for (const courier of running.splice(0)) await courier.stop(0);
  for (const action of cleanUp.splice(0)) await action();
  rmSync(directory, { recursive: true, force: true });
});

function cloud(path = join(directory, 'cloud'), name = 'cloud'): StoreConfiguration {
  return { name, type: 'directory', path, prefix: 'medusa' };
}

/** Accepts connections and never says a word. */
async function hangingStore(name: string): Promise<StoreConfiguration> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    name,
    type: 's3',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    bucket: 'bucket',
    prefix: '',
    accessKeyId: 'id',
    secretAccessKey: 'secret',
    pathStyle: true,
    multipartThreshold: 1 << 26,
    partSize: 1 << 24,
  };
}

function start(stores: StoreConfiguration[], more: Partial<CourierProcessOptions> = {}) {
  const confirmed = new Map<number, Confirmation>();
  const failed: JobFailure[] = [];
  const returned: number[] = [];
  let ready = 0;
  let wake = () => {};
  const { log, lines } = createMemoryLog();
  const courier = new CourierProcess({
    configuration: { stores, concurrency: 4, stateDirectory: directory },
    handlers: {
      onReady: () => {
        ready++;
        wake();
      },
      onConfirmed: (confirmations) => {
        for (const { id, confirmation } of confirmations) confirmed.set(id, confirmation);
        wake();
      },
      onFailed: (failures) => {
        failed.push(...failures);
        wake();
      },
      onReturned: (ids) => {
        returned.push(...ids);
        wake();
      },
    },
    log,
    clock: systemClock,
    backoff: { initialMs: 10, capMs: 50 },
    ...more,
  });
  running.push(courier);
  courier.start();
  const until = async (condition: () => boolean) => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { courier, confirmed, failed, returned, until, lines, readies: () => ready };
}

function spooled(count: number, size: number): CourierJob[] {
  return Array.from({ length: count }, (_, id) => {
    const content = randomBytes(size);
    return job(id, content, { content: { ranges: scatter(join(directory, `segment-${id}`), content, 2) } });
  });
}

function expectStored({ key, sha256 }: CourierJob): void {
  const content = readFileSync(join(directory, 'cloud', 'medusa', key));
  expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
}

describe('courier process', { timeout: 60_000 }, () => {
  it('takes ranges of files to a store and confirms them', async () => {
    const { courier, confirmed, failed, until, readies, lines } = start([cloud()]);
    await expect(courier.send([job(1, 'x')])).rejects.toMatchObject({ code: 'delivery.courier-not-ready' });
    await until(() => readies() === 1);
    const jobs = spooled(50, 100_000);
    await courier.send(jobs);
    expect(courier.held).toBeGreaterThan(0);
    await until(() => confirmed.size === jobs.length);
    for (const one of jobs) {
      expectStored(one);
      expect(confirmed.get(one.id)).toMatchObject({ key: one.key, sha256: one.sha256, confirmedBy: 'synced-write' });
    }
    expect([failed, courier.held]).toEqual([[], 0]);
    expect(lines.map(({ event }) => event)).toEqual(['courier.ready']);
    await courier.stop(1000);
    expect(courier.state).toBe('stopped');
  });

  it('killed in the middle of its work gives its jobs back, and the next one completes them', async () => {
    const { courier, confirmed, returned, until, readies, lines } = start([cloud()]);
    await until(() => readies() === 1);
    const jobs = spooled(200, 300_000);
    await courier.send(jobs);
    await until(() => confirmed.size > 0);
    const killed = courier.pid;
    process.kill(killed ?? 0, 'SIGKILL');
    await until(() => returned.length > 0);
    const before = confirmed.size;
    // Each job came back exactly once, and what was confirmed is there, whole.
    expect(before + returned.length).toBe(jobs.length);
    expect(returned.filter((id) => confirmed.has(id))).toEqual([]);
    for (const one of jobs.filter(({ id }) => confirmed.has(id))) expectStored(one);

    await until(() => readies() === 2);
    expect(courier.pid).not.toBe(killed);
    await courier.send(jobs.filter(({ id }) => returned.includes(id)));
    await until(() => confirmed.size === jobs.length);
    for (const one of jobs) expectStored(one);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'courier.died', signal: 'SIGKILL', level: 'error' }));
  });

  it('lets no store that hangs delay another, and returns what it could not finish when stopped', async () => {
    const hanging = await hangingStore('hanging');
    const { courier, confirmed, failed, returned, until, readies } = start([hanging, cloud()]);
    await until(() => readies() === 1);
    const stuck = Array.from({ length: 20 }, (_, id) => job(1000 + id, 'x', { store: 'hanging' }));
    await courier.send(stuck);
    const jobs = spooled(50, 10_000);
    await courier.send(jobs);
    await until(() => confirmed.size === jobs.length);
    expect(courier.held).toBe(stuck.length);
    await courier.stop(100);
    expect(returned.toSorted((a, b) => a - b)).toEqual(stuck.map(({ id }) => id));
    expect([failed, courier.held]).toEqual([[], 0]);
  });

  it('does not deliver bytes that went bad on this disk', async () => {
    const { courier, confirmed, failed, until, readies } = start([cloud()]);
    await until(() => readies() === 1);
    const [bad, good] = spooled(2, 600_000);
    if (!bad || !good) throw new Error('two jobs were made');
    const path = join(directory, 'segment-0.1');
    const bytes = readFileSync(path);
    bytes[2000] = (bytes[2000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await courier.send([bad, good]);
    await until(() => confirmed.size + failed.length === 2);
    expect(failed).toMatchObject([{ id: bad.id, code: 'delivery.source-corrupt', permanent: true }]);
    expect(existsSync(join(directory, 'cloud', 'medusa', bad.key))).toBe(false);
    expectStored(good);
  });

  it('takes up a changed configuration without a restart, and keeps it over one', async () => {
    const { courier, confirmed, failed, until, readies } = start([]);
    await until(() => readies() === 1);
    await courier.send([job(1, 'x')]);
    await until(() => failed.length === 1);
    expect(failed[0]).toMatchObject({ code: 'delivery.unknown-store', storeUnavailable: true, permanent: false });
    await courier.configure({ stores: [cloud()], concurrency: 1, stateDirectory: directory });
    await courier.send([job(2, 'x')]);
    await until(() => confirmed.size === 1);
    process.kill(courier.pid ?? 0, 'SIGKILL');
    await until(() => readies() === 2);
    await courier.send([job(3, 'x')]);
    await until(() => confirmed.size === 2);
  });

  it('passes on what the courier has to say', async () => {
    const s3 = { ...(await hangingStore('s3')), caFile: join(directory, 'no-such-file.pem') };
    const { until, readies, lines } = start([s3]);
    await until(() => readies() === 1);
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'courier.store-unusable', level: 'error', process: 'courier', store: 's3' }),
    );
  });

  it('survives the signals that a terminal or a service manager sends to all of a group', async () => {
    const { courier, confirmed, until, readies } = start([cloud()]);
    await until(() => readies() === 1);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.kill(courier.pid ?? 0, signal);
    await courier.send([job(1, 'x')]);
    await until(() => confirmed.size === 1);
    expect(readies()).toBe(1);
  });
});

describe('supervision of the courier', { timeout: 60_000 }, () => {
  it('starts one that cannot live again and again, ever later, with its last words in the log, and can be stopped', async () => {
    const waits: number[] = [];
    let enough = () => {};
    const three = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => {
        if (ms >= 10_000) return systemClock.sleep(ms, signal);
        waits.push(ms);
        if (waits.length === 3) enough();
        return systemClock.sleep(waits.length < 3 ? 1 : 60_000, signal);
      },
    };
    const { courier, lines } = start([], {
      module: child('dyingCourier'),
      clock,
      backoff: { initialMs: 100, capMs: 1000 },
    });
    await three;
    expect(courier.deaths).toBe(3);
    expect(courier.state).toBe('waiting');
    expect(waits[0]).toBeLessThanOrEqual(100);
    expect(waits[2]).toBeGreaterThanOrEqual(200);
    expect(lines.filter(({ event }) => event === 'courier.died')).toMatchObject([
      { code: 3, deaths: 1 },
      { code: 3, deaths: 2 },
      { code: 3, deaths: 3 },
    ]);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'courier.printed', msg: 'last words' }));
    await courier.stop(0);
    expect(courier.state).toBe('stopped');
  });

  it('kills one that does not answer, and gives its jobs back', async () => {
    const pingMs = 12_345;
    const pings: Array<() => void> = [];
    let pinged = () => {};
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) =>
        ms === pingMs
          ? new Promise((resolve) => {
              pings.push(resolve);
              pinged();
            })
          : systemClock.sleep(ms, signal),
    };
    const { courier, returned, until, readies, lines } = start([cloud()], { clock, pingMs });
    await until(() => readies() === 1);
    const stopped = courier.pid ?? 0;
    process.kill(stopped, 'SIGSTOP');
    await courier.send([job(1, 'x')]);
    for (let ping = 0; ping < 4; ping++) {
      while (pings.length === 0) {
        await new Promise<void>((resolve) => {
          pinged = resolve;
        });
      }
      pings.shift()?.();
    }
    await until(() => returned.length === 1);
    await until(() => readies() === 2);
    expect(courier.pid).not.toBe(stopped);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'courier.hangs', pid: stopped }));
  });

  it('ends with its gateway, however that one dies', async () => {
    const parent: ChildProcess = spawn(process.execPath, [child('courierParent')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanUp.push(() => void parent.kill('SIGKILL'));
    if (!parent.stdout) throw new Error('its output is piped');
    const [line] = await once(createInterface(parent.stdout), 'line');
    const pid = Number(line);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    parent.kill('SIGKILL');
    // Its end closes the pipe that it shares with its parent: nobody else holds it open.
    await once(parent, 'close');
    while (isAlive(pid)) await systemClock.sleep(20);
  });
});

/** A dead process whose new parent has not looked after it yet is a zombie, and dead. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
