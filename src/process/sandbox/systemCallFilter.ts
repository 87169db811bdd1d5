/**
 * The system call filter of the sandbox: a classic BPF program over struct seccomp_data, for `bwrap --seccomp`. It takes away what no
 * data part needs and what has let programs out of sandboxes: new namespaces, mounts, tracing, kernel keys, io_uring, BPF, and every
 * socket family that a network namespace does not contain (AF_VSOCK reaches the hypervisor).
 *
 * A list of what is denied, as what a scientist's program may need is not known: the walls are the namespaces, this is behind them.
 */
import { arm64, type SystemCallNumbers, x64 } from './systemCalls.ts';

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** linux/seccomp.h and linux/filter.h */
const RET_ALLOW = 0x7fff0000;
const RET_KILL_PROCESS = 0x80000000;
const RET_ERRNO = 0x00050000;
const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

/** Offsets in struct seccomp_data; both architectures are little-endian, so the low word of an argument comes first. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number) => 16 + 8 * index;

/** linux/audit.h */
const architectures: Record<string, { audit: number; numbers: SystemCallNumbers }> = {
  x64: { audit: 0xc000003e, numbers: x64 },
  arm64: { audit: 0xc00000b7, numbers: arm64 },
};

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
const NEW_NAMESPACES = 0x7e020000;
/** x32 calls on x86-64 carry this bit, and would pass by a filter that compares plain numbers. */
const X32_BIT = 0x40000000;
/** Unix, IPv4, IPv6, netlink: contained by the empty network namespace. */
const SOCKET_FAMILIES = [1, 2, 10, 16];
/** TIOCSTI and TIOCLINUX put characters into a terminal's input. */
const TERMINAL_INJECTION = [0x5412, 0x541c];

/** Says "no such call", so that libraries use the older way: clone for clone3, which the filter can look into. */
const absent = ['clone3', 'io_uring_setup', 'io_uring_enter', 'io_uring_register', 'memfd_secret'];
/** Memory that belongs to no process: cannot be seen by sampling, so it is there only where a control group counts it. */
const uncounted = ['memfd_create', 'shmget', 'msgget'];
const handled = ['socket', 'socketpair', 'clone', 'ioctl'];

type Instruction = { code: number; jumpTrue: number; jumpFalse: number; k: number };
const load = (offset: number): Instruction => ({ code: LOAD_WORD, jumpTrue: 0, jumpFalse: 0, k: offset });
const jump = (code: number, k: number, jumpTrue: number, jumpFalse: number) => ({ code, jumpTrue, jumpFalse, k });
const answer = (k: number): Instruction => ({ code: RETURN, jumpTrue: 0, jumpFalse: 0, k });
const refuse = (errno: number) => answer(RET_ERRNO | errno);

/** When the call is `number`: `body`, which ends in an answer. */
const when = (number: number, body: Instruction[]) => [jump(JUMP_EQUAL, number, 0, body.length), ...body];

/** Allowed when the argument is one of `values`, refused otherwise; or the other way round. */
function byValue(index: number, values: number[], ifOneOf: Instruction, otherwise: Instruction): Instruction[] {
  const tests = values.map((value, at) => jump(JUMP_EQUAL, value, values.length - at, 0));
  return [load(argument(index)), ...tests, otherwise, ifOneOf];
}

/** Architectures of Node (`process.arch`) that have a filter. */
export const filteredArchitectures = Object.keys(architectures);

/** The program as bubblewrap reads it: struct sock_filter after struct sock_filter. undefined: no filter for this architecture. */
export function systemCallFilter(arch: string, options: { memoryIsCounted: boolean }): Buffer | undefined {
  const known = architectures[arch];
  if (known === undefined) return undefined;
  const { audit, numbers } = known;
  const number = (name: string) => numbers[name] ?? -1;
  const allow = answer(RET_ALLOW);
  const program: Instruction[] = [
    load(ARCHITECTURE),
    jump(JUMP_EQUAL, audit, 1, 0),
    answer(RET_KILL_PROCESS),
    load(NUMBER),
    ...(arch === 'x64' ? [jump(JUMP_AT_LEAST, X32_BIT, 0, 1), refuse(ENOSYS)] : []),
  ];
  for (const name of Object.keys(numbers)) {
    if (handled.includes(name)) continue;
    if (uncounted.includes(name) && options.memoryIsCounted) continue;
    program.push(...when(number(name), [refuse(absent.includes(name) ? ENOSYS : EPERM)]));
  }
  for (const name of ['socket', 'socketpair']) {
    program.push(...when(number(name), byValue(0, SOCKET_FAMILIES, allow, refuse(EAFNOSUPPORT))));
  }
  program.push(
    ...when(number('clone'), [load(argument(0)), jump(JUMP_ANY_BIT, NEW_NAMESPACES, 0, 1), refuse(EPERM), allow]),
    ...when(number('ioctl'), byValue(1, TERMINAL_INJECTION, refuse(EPERM), allow)),
    allow,
  );
  return assemble(program);
}

function assemble(program: Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [at, { code, jumpTrue, jumpFalse, k }] of program.entries()) {
    bytes.writeUInt16LE(code, at * 8);
    bytes.writeUInt8(jumpTrue, at * 8 + 2);
    bytes.writeUInt8(jumpFalse, at * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, at * 8 + 4);
  }
  return bytes;
}
