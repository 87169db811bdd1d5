/**
 * Run as the gateway's service, under its own unit, by unit.test.ts: opens the sandbox and has programs try their limits. One JSON
 * line for each on standard output.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLog } from '../../../src/base/log.ts';
import { openSandbox } from '../../../src/process/sandbox/openSandbox.ts';
import type { Sandbox } from '../../../src/process/sandbox/sandboxTypes.ts';

const state = process.env.STATE_DIRECTORY ?? '';
const say = (value: object) => process.stdout.write(`unit ${JSON.stringify(value)}\n`);
const limits = { memory: 48 * 2 ** 20, cpu: 2, wall: 60_000, output: 2 ** 20, processes: 12 };

const programs: Array<{ name: string; command: string[]; limits?: Partial<typeof limits> }> = [
  {
    name: 'works',
    command: [
      '/bin/sh',
      '-c',
      'cat /input/a.dcm > /output/copy.bin; echo \'{"format":"medusa.result/1","files":[{"path":"copy.bin","contentType":"application/octet-stream","from":["a.dcm"]}]}\' > /output/result.json',
    ],
  },
  { name: 'memory', command: ['/usr/bin/python3', '-c', 'a=[]\nwhile True: a.append(bytearray(b"x"*4194304))'] },
  {
    name: 'shared memory',
    command: ['/usr/bin/python3', '-c', 'import os\nwhile True: os.write(os.memfd_create("x"),b"x"*4194304)'],
  },
  { name: 'processes', command: ['/bin/sh', '-c', 'bomb() { bomb | bomb & }; bomb; sleep 1000'] },
  { name: 'wall', command: ['/bin/sh', '-c', 'while :; do :; done'], limits: { wall: 5000, cpu: 0.2 } },
  {
    name: 'walls',
    command: [
      '/usr/bin/python3',
      '-c',
      `import os\nfor p in ("${state}","/etc/shadow","/sys/fs/cgroup","/etc/medusa"):\n if os.path.exists(p): raise SystemExit(7)\nprint(os.getuid(), open("/proc/self/cgroup").read())\nraise SystemExit(os.getuid()==0 and 8 or 9)`,
    ],
  },
];

const work = join(state, 'sandbox');
const opened = await openSandbox({
  ...{ workDirectory: work, hidden: [work], log: createLog({ level: 'info', name: 'unit' }) },
});
if (!opened.available) {
  const { code, message, hint } = opened.error;
  say({ unavailable: code, message, hint });
} else {
  say({ enforcement: opened.enforcement });
  if (process.env.ONLY_OPEN === undefined) await runAll(opened);
}

async function runAll(sandbox: Sandbox): Promise<void> {
  mkdirSync(join(state, 'application'), { recursive: true });
  for (const [at, program] of programs.entries()) {
    const [input, output] = [join(state, `${at}`, 'input'), join(state, `${at}`, 'output')];
    for (const path of [input, output]) mkdirSync(path, { recursive: true });
    writeFileSync(join(input, 'a.dcm'), 'an instance');
    const outcome = await sandbox.run({
      application: {
        ...{
          name: 'unit',
          version: '1',
          scope: 'study',
          directory: join(state, 'application'),
          command: program.command,
        },
        limits: { ...limits, ...program.limits },
      },
      ...{ inputDirectory: input, outputDirectory: output, stderrFile: join(state, `${at}`, 'words') },
      signal: new AbortController().signal,
    });
    const { kind, figures } = outcome;
    const failure = outcome.kind === 'failed' ? { cause: outcome.cause, message: outcome.message } : {};
    say({ name: program.name, kind, ...failure, figures, left: readdirSync(output) });
  }
  const group = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '';
  say({
    group,
    groups: readdirSync(join('/sys/fs/cgroup', group, '..')).filter((name) => name.startsWith('sandbox-')),
  });
}
