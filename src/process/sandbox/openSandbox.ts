/** Looks once at what this machine allows, and opens the sandbox or says why it cannot be had. */
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, type GatewayError } from '../../base/errors.ts';
import { prepareDelegation, sweepGroups } from './cgroup.ts';
import { LastWords } from './lastWords.ts';
import { filterFile, launch } from './launch.ts';
import { sweepRuns } from './records.ts';
import { type Machine, runInSandbox } from './runInSandbox.ts';
import type { Enforcement, Sandbox, SandboxedApplication, SandboxOptions, SandboxUnavailable } from './sandboxTypes.ts';
import { filteredArchitectures, systemCallFilter } from './systemCallFilter.ts';
import { type MachineFacts, missingProgram, noFilter, notContained, trialFailed } from './unavailable.ts';
import { insideFiles, insideId, machineView } from './view.ts';

const nobody = { uid: 65534, gid: 65534 };
const programs = [
  { path: '/bin/bash', debianPackage: 'bash' },
  { path: '/usr/bin/prlimit', debianPackage: 'util-linux' },
];
const bubblewrapPlaces = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap'];
const trialMs = 30_000;

export async function openSandbox(options: SandboxOptions): Promise<Sandbox | SandboxUnavailable> {
  const found = findPrograms(options);
  if (typeof found !== 'string') return { available: false, error: found };
  const left = sweepRuns(options.workDirectory);
  const delegation = options.withoutCgroup === true ? { reason: 'they are switched off' } : prepareDelegation();
  const groupDirectory = 'directory' in delegation ? delegation.directory : undefined;
  const leftGroups = groupDirectory === undefined ? 0 : await sweepGroups(groupDirectory);
  const isRoot = process.geteuid?.() === 0;
  const user = isRoot ? (options.user ?? nobody) : undefined;
  const filesDirectory = join(options.workDirectory, 'files');
  const memoryIsCounted = groupDirectory !== undefined;
  writeFiles(filesDirectory, memoryIsCounted);
  const machine: Machine = {
    ...{ bubblewrap: found, machine: machineView(), user, filesDirectory, memoryIsCounted, groupDirectory },
    ...{ workDirectory: options.workDirectory, hidden: [options.workDirectory, ...options.hidden] },
  };
  const error = await tryOut(machine);
  if (error !== undefined) return { available: false, error };
  const enforcement: Enforcement = {
    memory: memoryIsCounted ? 'cgroup' : 'sampled',
    cpu: memoryIsCounted ? 'cgroup' : 'budget',
    processes: memoryIsCounted ? 'cgroup' : 'rlimit',
    output: 'sampled',
    uid: user?.uid ?? process.geteuid?.() ?? 0,
    gid: user?.gid ?? process.getegid?.() ?? 0,
    withoutCgroup: 'reason' in delegation ? delegation.reason : undefined,
  };
  options.log.info('sandbox.opened', 'data parts run in a sandbox', {
    ...enforcement,
    ended: Math.max(left, leftGroups),
  });
  return sandboxOf(machine, enforcement);
}

function sandboxOf(machine: Machine, enforcement: Enforcement): Sandbox {
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  let count = 0;
  return {
    available: true,
    enforcement,
    run: (options) => {
      const signal = AbortSignal.any([options.signal, closing.signal]);
      const outcome = runInSandbox(machine, `${process.pid}-${++count}`, { ...options, signal });
      running.add(outcome);
      return outcome.finally(() => running.delete(outcome));
    },
    close: async () => {
      closing.abort();
      await Promise.allSettled([...running]);
    },
  };
}

/** Path of bubblewrap, when all that is called is there. */
function findPrograms(options: SandboxOptions): string | GatewayError {
  if (!filteredArchitectures.includes(process.arch)) return noFilter(process.arch);
  for (const { path, debianPackage } of programs) if (!isProgram(path)) return missingProgram(path, debianPackage);
  const places = options.bubblewrap === undefined ? bubblewrapPlaces : [options.bubblewrap];
  return places.find(isProgram) ?? missingProgram('bubblewrap', 'bubblewrap');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function writeFiles(directory: string, memoryIsCounted: boolean): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const filter = systemCallFilter(process.arch, { memoryIsCounted });
  writeFileSync(join(directory, filterFile), filter ?? '');
  for (const [name, text] of Object.entries(insideFiles)) writeFileSync(join(directory, name), text);
}

/** A small program in the very sandbox that data parts get, which says what it finds itself to be. */
async function tryOut(machine: Machine): Promise<GatewayError | undefined> {
  const folder = mkdtempSync(join(machine.workDirectory, 'trial-'));
  const paths = {
    application: join(folder, 'application'),
    input: join(folder, 'input'),
    output: join(folder, 'output'),
  };
  for (const path of Object.values(paths)) mkdirSync(path, { mode: 0o755 });
  try {
    const started = launch(machine, trialApplication(paths.application), ['/bin/cat', '/proc/self/status'], {
      ...paths,
      node: process.execPath,
    });
    const words = new LastWords(started.stdout, started.stderr, undefined);
    const late = setTimeout(() => process.kill(started.pid, 'SIGKILL'), trialMs);
    started.go();
    await started.ended.finally(() => clearTimeout(late));
    await words.finish(2000);
    if (started.programStatus() !== 0) return trialFailed(words.error.toString(), machineFacts());
    return findHole(words.output.toString());
  } catch (error) {
    return trialFailed(describeError(error), machineFacts());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What of the containment does not hold, by the /proc/self/status of a program inside. */
function findHole(status: string): GatewayError | undefined {
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
  if (field('Uid') !== String(insideId)) return notContained('it was not the user that it should be');
  for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb']) {
    if (!/^0+$/.test(field(set) ?? '')) return notContained(`it had capabilities (${set})`);
  }
  if (field('NoNewPrivs') !== '1') return notContained('it could gain privileges (NoNewPrivs is off)');
  if (field('Seccomp') !== '2') return notContained('its system calls were not filtered');
  return undefined;
}

function trialApplication(directory: string): SandboxedApplication {
  const limits = { memory: 2 ** 28, cpu: 1, wall: trialMs, output: 2 ** 20, processes: 8 };
  return { name: 'trial', version: '0', scope: 'instance', directory, command: [], limits };
}

function machineFacts(): MachineFacts {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  return {
    unprivilegedUserns: read('/proc/sys/kernel/unprivileged_userns_clone'),
    apparmorRestrictsUserns: read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    mostUserNamespaces: read('/proc/sys/user/max_user_namespaces'),
    seccomp: /^Seccomp:\s*(\d)/m.exec(read('/proc/self/status') ?? '')?.[1],
  };
}
