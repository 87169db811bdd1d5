/**
 * A whole Debian 12 with its own kernel and systemd, in qemu: for what a container cannot show, such as control groups of version 2 on
 * a machine that has version 1. Without KVM it is slow, but the same. The root is built once and kept in the temporary folder.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPackages } from './debianPackages.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const packages = 'systemd,systemd-sysv,dbus,bubblewrap,python3-minimal,linux-image-cloud-amd64,initramfs-tools';
const setUp = `set -e
useradd -r -M -s /usr/sbin/nologin medusa
mkdir -p /opt/medusa
printf 'LABEL=root / ext4 rw 0 1\\nLABEL=project /opt/medusa ext4 ro 0 0\\n' > /etc/fstab
systemctl mask systemd-timesyncd apt-daily.timer apt-daily-upgrade.timer e2scrub_reap e2scrub_all.timer fstrim.timer >/dev/null 2>&1 || true`;

/** Why no machine can be booted here; undefined when it can. */
export function noMachine(): string | undefined {
  // Minutes of both processors: beside the other tests it would make them late.
  if (process.env.MEDUSA_TEST_MACHINE !== '1') return 'skipped: a machine is booted by `npm run system`';
  if (process.arch !== 'x64') return 'skipped: the machine is an x64 one';
  if (process.geteuid?.() !== 0) return 'skipped: building a Debian root needs root';
  return missingPackages([
    { program: 'debootstrap', package: 'debootstrap' },
    { program: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    { program: 'mkfs.ext4', package: 'e2fsprogs' },
  ]);
}

function call(program: string, args: string[], timeout: number): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout, maxBuffer: 2 ** 26 });
  if (status !== 0)
    throw new Error(`${program} failed: ${error ?? ''}\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`);
}

function image(path: string, label: string, size: string, from: string): void {
  call('truncate', ['-s', size, path], 10_000);
  call('mkfs.ext4', ['-q', '-F', '-L', label, '-d', from, path], 120_000);
}

/** Folder with `root.img`, `vmlinuz` and `initrd`; minutes the first time. */
export function debianMachine(): string {
  const key = createHash('sha256')
    .update(packages + setUp)
    .digest('hex')
    .slice(0, 12);
  const ready = join(tmpdir(), `medusa-debian-machine-${key}`);
  if (existsSync(join(ready, 'root.img'))) return ready;
  const work = mkdtempSync(join(tmpdir(), 'medusa-debian-build-'));
  try {
    const root = join(work, 'root');
    call('debootstrap', ['--variant=minbase', `--include=${packages}`, 'bookworm', root], 900_000);
    call('chroot', [root, '/bin/sh', '-c', setUp], 60_000);
    const boot = readdirSync(join(root, 'boot'));
    for (const [name, prefix] of [
      ['vmlinuz', 'vmlinuz-'],
      ['initrd', 'initrd.img-'],
    ] as const) {
      const found = boot.find((one) => one.startsWith(prefix));
      if (found === undefined) throw new Error(`no ${prefix} was installed`);
      cpSync(join(root, 'boot', found), join(work, name));
    }
    image(join(work, 'root.img'), 'root', '1500M', root);
    rmSync(root, { recursive: true });
    renameSync(work, ready);
    return ready;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Names of packages and of all that they need, from their own package.json. */
function withDependencies(names: string[]): string[] {
  const found = new Set<string>();
  const add = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    const text = readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8');
    for (const one of Object.keys((JSON.parse(text) as { dependencies?: object }).dependencies ?? {})) add(one);
  };
  for (const name of names) add(name);
  return [...found];
}

/**
 * Boots, runs `script` as root with the project at /opt/medusa (sources, tests, Node and `modules`), and powers off. Returns what was
 * written to the console.
 */
export async function runInMachine(script: string, modules: string[], timeoutMs: number): Promise<string> {
  const machine = debianMachine();
  const work = mkdtempSync(join(tmpdir(), 'medusa-debian-run-'));
  try {
    const folder = join(work, 'project');
    for (const name of ['src', 'test', 'systemd', 'package.json']) {
      cpSync(join(project, name), join(folder, name), { recursive: true });
    }
    mkdirSync(join(folder, 'node_modules', 'node', 'bin'), { recursive: true });
    cpSync(join(project, 'node_modules', 'node', 'bin', 'node'), join(folder, 'node_modules', 'node', 'bin', 'node'));
    for (const name of withDependencies(modules)) {
      cpSync(join(project, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
    }
    writeFileSync(join(folder, 'machine.sh'), `#!/bin/sh\n${script}\nsystemctl poweroff -ff\n`, { mode: 0o755 });
    image(join(work, 'project.img'), 'project', '500M', folder);
    return await boot(machine, join(work, 'project.img'), timeoutMs);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function boot(machine: string, projectImage: string, timeoutMs: number): Promise<string> {
  const disk = (file: string) => ['-drive', `file=${file},format=raw,if=virtio`];
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'q35,accel=kvm:tcg', '-cpu', 'max', '-smp', '2', '-m', '1024', '-nodefaults', '-display', 'none'],
      ...['-serial', 'stdio', '-no-reboot', '-snapshot', '-kernel', join(machine, 'vmlinuz')],
      ...['-initrd', join(machine, 'initrd')],
      '-append',
      'root=LABEL=root rw console=ttyS0 quiet systemd.run=/opt/medusa/machine.sh systemd.run_success_action=poweroff',
      ...disk(join(machine, 'root.img')),
      ...disk(projectImage),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      said += data.toString('utf8');
    });
  }
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return said;
}
