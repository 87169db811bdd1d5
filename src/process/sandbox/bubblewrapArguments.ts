/** The command line of the sandbox: namespaces, what is seen, limits, environment. Pure: what it says is what is enforced. */
import type { DataPartLimits } from '../application.ts';
import type { SandboxedApplication } from './sandboxTypes.ts';
import { insideFiles, insideId, places } from './view.ts';

/** Descriptors that bubblewrap inherits and closes again before the program starts. */
export const descriptors = { go: 3, status: 4, filter: 5, files: 6 } as const;
const lastDescriptor = descriptors.files + Object.keys(insideFiles).length - 1;

export type Sources = { application: string; input: string; output: string; node: string };

/** How much the program may put into /tmp and /dev/shm, which lie in memory. */
export function temporaryBytes(limits: DataPartLimits): number {
  return Math.max(16 * 1024 * 1024, Math.floor(limits.memory / 2));
}

const sharedMemoryBytes = 16 * 1024 * 1024;
const openFiles = 1024;

/**
 * Limits of the kernel on one process. Two are a little above the promised limit, so that passing it can be seen and named: one
 * byte more in a file, one process more. Memory here is only the backstop of sampling, wide enough that sampling comes first.
 * A core limit of 1 byte also keeps the kernel from starting a crash handler, which 0 does not.
 */
function kernelLimits(limits: DataPartLimits, memoryIsCounted: boolean, ceilings: Ceilings): string[] {
  const wanted: Record<string, number> = {
    core: 1,
    nofile: openFiles,
    fsize: Math.max(limits.output, temporaryBytes(limits)) + 1,
    nproc: limits.processes + 3,
    cpu: Math.ceil(cpuBudgetSeconds(limits)) + 1,
    ...(memoryIsCounted ? {} : { data: 2 * limits.memory + 512 * 1024 * 1024 }),
  };
  return Object.entries(wanted).map(([name, value]) => `--${name}=${Math.min(value, ceilings[name] ?? value)}`);
}

/** Hard limits of the gateway itself, by prlimit's names: nothing that it starts may have more. */
export type Ceilings = Record<string, number>;

const ceilingNames: Record<string, string> = {
  'Max core file size': 'core',
  'Max open files': 'nofile',
  'Max file size': 'fsize',
  'Max processes': 'nproc',
  'Max cpu time': 'cpu',
  'Max data size': 'data',
};

/** From the text of /proc/self/limits. */
export function readCeilings(text: string): Ceilings {
  const found = text.split('\n').flatMap((line) => {
    const [, title, hard] = /^(Max [a-z ]+?) {2,}\S+ +(\d+) /.exec(line) ?? [];
    const name = ceilingNames[title ?? ''];
    return name === undefined ? [] : [[name, Number(hard)] as const];
  });
  return Object.fromEntries(found);
}

/** CPU time that its share of the processors comes to until the wall limit. */
export function cpuBudgetSeconds(limits: DataPartLimits): number {
  return (limits.cpu * limits.wall) / 1000;
}

/** All that the program finds in its environment. */
export function environment(application: SandboxedApplication): Record<string, string> {
  const { limits } = application;
  const threads = String(Math.max(1, Math.min(Math.ceil(limits.cpu), limits.processes)));
  return {
    PATH: '/opt/medusa/bin:/usr/local/bin:/usr/bin:/bin',
    HOME: '/tmp',
    TMPDIR: '/tmp',
    USER: 'medusa',
    LANG: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    OMP_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
    MEDUSA_INPUT: places.input,
    MEDUSA_OUTPUT: places.output,
    MEDUSA_APPLICATION: application.name,
    MEDUSA_VERSION: application.version,
    MEDUSA_SCOPE: application.scope,
    MEDUSA_LIMIT_MEMORY: String(limits.memory),
    MEDUSA_LIMIT_CPU: String(limits.cpu),
    MEDUSA_LIMIT_WALL: String(limits.wall / 1000),
    MEDUSA_LIMIT_OUTPUT: String(limits.output),
    MEDUSA_LIMIT_PROCESSES: String(limits.processes),
  };
}

export type ArgumentOptions = {
  machine: string[];
  application: SandboxedApplication;
  command: string[];
  sources: Sources;
  memoryIsCounted: boolean;
  ceilings: Ceilings;
};

/** Arguments for bubblewrap, program and its arguments at the end. */
export function bubblewrapArguments(options: ArgumentOptions): string[] {
  const { application, sources } = options;
  const limits = application.limits;
  const etc = Object.keys(insideFiles).flatMap((name, at) => [
    '--ro-bind-data',
    String(descriptors.files + at),
    `/etc/${name}`,
  ]);
  const variables = Object.entries(environment(application)).flatMap(([name, value]) => ['--setenv', name, value]);
  return [
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    ...['--uid', String(insideId), '--gid', String(insideId), '--hostname', 'sandbox'],
    ...['--cap-drop', 'ALL', '--seccomp', String(descriptors.filter)],
    ...['--json-status-fd', String(descriptors.status)],
    ...options.machine,
    ...etc,
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--size', String(sharedMemoryBytes), '--perms', '1777', '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
    ...['--size', String(temporaryBytes(limits)), '--perms', '1777', '--tmpfs', '/tmp'],
    ...['--ro-bind', sources.node, places.node],
    ...['--ro-bind', sources.application, places.application],
    ...['--ro-bind', sources.input, places.input],
    ...['--bind', sources.output, places.output],
    ...['--remount-ro', '/', '--chdir', places.application, '--clearenv'],
    ...variables,
    '--',
    '/usr/bin/prlimit',
    ...kernelLimits(limits, options.memoryIsCounted, options.ceilings),
    '--',
    ...options.command,
  ];
}

/**
 * Waits for a word, so that the process is in its control group before it runs anything, and closes every descriptor that the gateway
 * itself inherited (sockets of systemd, a supervisor's pipes): the ones it opened itself are closed by exec.
 */
const waitScript = `read -r go <&${descriptors.go} || exit 125
exec ${descriptors.go}<&-
for one in /proc/self/fd/*; do one=\${one##*/}; if [ "$one" -gt ${lastDescriptor} ]; then eval "exec $one>&-"; fi; done
exec "$@"`;

/** Folders on the way to the data may be closed to the user whom a root gateway runs programs as: mounted where they are not. */
const stage = '/mnt';
export const stagedSources: Sources = {
  application: `${stage}/application`,
  input: `${stage}/input`,
  output: `${stage}/output`,
  node: `${stage}/node`,
};
const stageScript = `mount -t tmpfs -o mode=755,size=64k none ${stage}
mkdir ${stage}/application ${stage}/input ${stage}/output; : > ${stage}/node
mount --bind "$1" ${stage}/application; mount --bind "$2" ${stage}/input
mount --bind "$3" ${stage}/output; mount --bind "$4" ${stage}/node
shift 4; exec "$@"`;

/** Becomes `user` for good, in a mount namespace where the folders of the run can be reached; for a gateway that is root. */
export function asUser(user: { uid: number; gid: number }, sources: Sources): string[] {
  const { application, input, output, node } = sources;
  const become = ['/usr/bin/setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return [
    ...['/usr/bin/unshare', '--mount', '--propagation', 'private', '/bin/sh', '-ec', stageScript, 'stage'],
    ...[application, input, output, node],
    ...become,
    ...['--inh-caps=-all', '--no-new-privs'],
  ];
}

/** Program and arguments of the outermost process. */
export function waiting(command: string[]): [string, string[]] {
  return ['/bin/bash', ['-c', waitScript, 'sandbox', ...command]];
}
