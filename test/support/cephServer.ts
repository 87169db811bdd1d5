/**
 * A Ceph cluster of one monitor, one OSD and one S3 gateway (radosgw) on loopback, from Debian's packages: no systemd, no
 * cephx, no manager. MEDUSA_CEPH20 may name a folder into which newer packages were unpacked: they are then run with that
 * tree's own loader, without touching the system.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cephConfiguration } from './cephConfiguration.ts';
import { missingPackages } from './debianPackages.ts';
import {
  answersHttp,
  freePorts,
  runProgram,
  type S3TestServer,
  type ServerProcess,
  startServer,
  waitUntil,
} from './serverProcess.ts';
import { createBucket } from './testBucket.ts';

export type CephServer = S3TestServer & {
  /** Only the S3 gateway; the cluster behind it goes on. SIGKILL shows its clients what a crash looks like. */
  stopGateway(signal?: NodeJS.Signals): Promise<void>;
  startGateway(): Promise<void>;
  /** Bytes that our user may store in all; undefined lifts the limit. */
  setQuota(bytes: number | undefined): Promise<void>;
};

export type CephOptions = {
  /** PEM files: the gateway then also answers at `tlsEndpoint`. */
  tls?: { certificateFile: string; keyFile: string };
  /** Root of an unpacked tree of other packages. */
  tree?: string | undefined;
};

/** Why it cannot be run here; undefined when it can. */
export function cephMissing(): string | undefined {
  return missingPackages([
    { program: 'ceph-mon', package: 'ceph-mon' },
    { program: 'ceph-osd', package: 'ceph-osd' },
    { program: 'radosgw', package: 'radosgw' },
    { program: 'ceph', package: 'ceph-common' },
  ]);
}

type Command = (program: string, args: string[]) => [string, string[], Record<string, string>];

/** How to run a Ceph program: as installed, or out of an unpacked tree with the tree's own loader and libraries. */
function commandIn(tree: string | undefined): Command {
  if (tree === undefined) return (program, args) => [program, args, {}];
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  const loader = [join(tree, 'usr/lib64'), libraries]
    .map((folder) => join(folder, 'ld-linux-x86-64.so.2'))
    .find(existsSync);
  if (!loader) throw new Error(`no loader in ${tree}`);
  const viaLoader = ['--library-path', `${libraries}:${libraries}/ceph`];
  return (program, args) => {
    const path = join(tree, 'usr/bin', program);
    if (program !== 'ceph') return [loader, [...viaLoader, path, ...args], {}];
    const python = readdirSync(join(tree, 'usr/bin')).find((name) => /^python3\.[0-9]+$/.test(name)) ?? 'python3';
    const env = { PYTHONHOME: join(tree, 'usr') };
    return [loader, [...viaLoader, join(tree, 'usr/bin', python), path, ...args], env];
  };
}

export async function startCeph(options: CephOptions = {}): Promise<CephServer & { tlsEndpoint: string | undefined }> {
  const { tls, tree } = options;
  const directory = mkdtempSync(join(tmpdir(), 'medusa-ceph-'));
  const [monitorPort = 0, port = 0, tlsPort = 0] = await freePorts(3);
  const clusterId = randomUUID();
  const command = commandIn(tree);
  const env = { CEPH_CONF: join(directory, 'ceph.conf') };
  for (const folder of ['mon', 'osd', 'run', 'log']) mkdirSync(join(directory, folder));
  writeFileSync(join(directory, 'keyring'), '');
  writeFileSync(
    env.CEPH_CONF,
    cephConfiguration({ directory, clusterId, monitorPort, port, tree, tls: tls && { ...tls, port: tlsPort } }),
  );

  const run = (program: string, args: string[]): Promise<string> => {
    const [file, all, more] = command(program, args);
    return runProgram(file, all, { env: { ...env, ...more } });
  };
  const serve = (program: string, args: string[]): ServerProcess => {
    const [file, all, more] = command(program, args);
    return startServer(file, all, { logFile: join(directory, 'log', `${program}.out`), env: { ...env, ...more } });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const user = { accessKeyId: 'MEDUSATESTKEY', secretAccessKey: 'medusa-test-secret' };
  let monitor: ServerProcess | undefined;
  let osd: ServerProcess | undefined;
  let gateway: ServerProcess | undefined;

  const makeMonitor = async (): Promise<void> => {
    const map = join(directory, 'monmap');
    const address = `[v2:127.0.0.1:${monitorPort}]`;
    await run('monmaptool', ['--create', '--clobber', '--fsid', clusterId, '--addv', 'a', address, map]);
    const place = ['--monmap', map, '--keyring', '/dev/null', '--mon-data', join(directory, 'mon')];
    await run('ceph-mon', ['--mkfs', '-i', 'a', ...place]);
  };
  const makeOsd = async (): Promise<void> => {
    const id = randomUUID();
    await run('ceph', ['osd', 'new', id, '0']);
    await run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', id]);
  };
  /** The epoch of the OSD's last boot: after a crash the map still shows the old one as up for a while. */
  const osdBootEpoch = async (): Promise<string> =>
    /^osd\.0 up.* up_from (\d+)/m.exec(await run('ceph', ['osd', 'dump']))?.[1] ?? '0';

  const startGateway = async (): Promise<void> => {
    const started = serve('radosgw', ['-f', '-n', 'client.rgw.a']);
    gateway = started;
    await waitUntil('radosgw', () => answersHttp(endpoint), { explain: started.output });
  };
  const start = async (): Promise<void> => {
    const isNew = !existsSync(join(directory, 'mon', 'store.db'));
    if (isNew) await makeMonitor();
    monitor = serve('ceph-mon', ['-f', '-i', 'a']);
    const answers = () => run('ceph', ['--connect-timeout', '2', 'osd', 'stat']).then(() => true);
    await waitUntil('ceph-mon', answers, { explain: monitor.output });
    if (isNew) await makeOsd();
    const before = await osdBootEpoch();
    osd = serve('ceph-osd', ['-f', '-i', '0']);
    const booted = () => osdBootEpoch().then((epoch) => epoch !== '0' && epoch !== before);
    await waitUntil('ceph-osd', booted, { explain: osd.output });
    await startGateway();
    if (!isNew) return;
    const keys = ['--access-key', user.accessKeyId, '--secret-key', user.secretAccessKey];
    await run('radosgw-admin', ['user', 'create', '--uid=test', '--display-name=test', ...keys]);
  };
  const stopGateway = async (signal: NodeJS.Signals = 'SIGTERM') => gateway?.stop({ signal });
  // The gateway and the OSD need the monitor to end cleanly.
  const stop = async (): Promise<void> => {
    await stopGateway();
    await osd?.stop();
    await monitor?.stop();
  };
  const remove = async (): Promise<void> => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
  const setQuota = async (bytes: number | undefined): Promise<void> => {
    const scope = ['--uid=test', '--quota-scope=user'];
    if (bytes !== undefined) await run('radosgw-admin', ['quota', 'set', ...scope, `--max-size=${bytes}`]);
    await run('radosgw-admin', ['quota', bytes === undefined ? 'disable' : 'enable', ...scope]);
  };

  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  const server = { endpoint, region: 'default', ...user, directory };
  const tlsEndpoint = tls && `https://localhost:${tlsPort}`;
  const bucket = (name: string) => createBucket(server, name);
  return { ...server, tlsEndpoint, createBucket: bucket, start, stop, remove, startGateway, stopGateway, setQuota };
}
