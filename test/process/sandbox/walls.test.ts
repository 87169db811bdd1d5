/** Programs that look for a way out: other data, the network, the machine's processes, its kernel. What is there to be found really is. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, causeOf, emptyResult, openBench, processesWith, skip } from './bench.ts';

/** Python that writes a line for each thing it tries: `name open` when it got through, `name closed CODE` when not. */
const prelude = `import os,socket,sys,ctypes,errno
libc=ctypes.CDLL(None,use_errno=True)
def tries(name, do):
 try:
  r=do()
  print(name,"open",r)
 except OSError as e: print(name,"closed",e.errno)
 except Exception as e: print(name,"closed",type(e).__name__)
def call(nr,*args):
 r=libc.syscall(nr,*args)
 if r<0: raise OSError(ctypes.get_errno(),"")
 return r
`;

describe.skipIf(skip !== undefined)(`walls of the sandbox ${skip ?? ''}`, () => {
  let bench: Bench;
  const closers: Array<() => unknown> = [];
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(async () => {
    for (const close of closers) close();
    await bench.close();
  });

  /** Runs the tries; the lines that got through, and those that did not. */
  async function explore(source: string): Promise<{ open: string[]; closed: string[]; words: string }> {
    const ran = await bench.python(`${prelude}${source}\nraise SystemExit(9)`);
    expect(ran.outcome).toMatchObject({ kind: 'failed', cause: 'exit', exitCode: 9 });
    const names = (word: string) =>
      [...ran.words.matchAll(new RegExp(`^(\\S+) ${word}`, 'gm'))].map(([, name]) => name ?? '');
    return { open: names('open'), closed: names('closed'), words: ran.words };
  }

  test('no listener of this machine can be reached: TCP, UDP, Unix sockets by path and by abstract name, vsock', async () => {
    const tcp = createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
    const path = join(bench.root, 'gateway.sock');
    const byPath = createServer((socket) => socket.end('reached')).listen(path);
    const abstractName = `medusa-test-${process.pid}`;
    const abstract = createServer((socket) => socket.end('reached')).listen(`\0${abstractName}`);
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    let heard = 0;
    udp.on('message', () => heard++);
    const servers = [tcp, byPath, abstract, udp];
    await Promise.all(servers.map((server) => once(server, 'listening')));
    closers.push(...servers.map((server) => () => server.close()));
    const port = (tcp.address() as { port: number }).port;
    const source = (at: { port: number; udp: number; path: string }) => `
tries("tcp", lambda: socket.create_connection(("127.0.0.1",${at.port}),2).recv(9))
def u(): s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(b"x",("127.0.0.1",${at.udp}))
tries("udp", u)
def x(a):
 s=socket.socket(socket.AF_UNIX); s.connect(a); return s.recv(9)
tries("path", lambda: x("${at.path}"))
tries("abstract", lambda: x("\\0${abstractName}"))
tries("dns", lambda: socket.getaddrinfo("localhost.localdomain.example",80))
tries("outside", lambda: socket.create_connection(("192.0.2.1",80),2))
tries("vsock", lambda: socket.socket(40,socket.SOCK_STREAM))
tries("packet", lambda: socket.socket(17,socket.SOCK_RAW))
tries("alg", lambda: socket.socket(38,socket.SOCK_SEQPACKET))
print("interfaces", [n for _,n in socket.if_nameindex()])
`;
    const at = { port, udp: udp.address().port, path };
    const found = await explore(source(at));
    expect(found.open).toEqual(found.words.includes('udp open') ? ['udp'] : []);
    expect(found.closed).toEqual(
      expect.arrayContaining(['tcp', 'path', 'abstract', 'dns', 'outside', 'vsock', 'packet', 'alg']),
    );
    expect(found.words).toContain("interfaces ['lo']");
    expect(heard).toBe(0);
    // The same program outside reaches them: what it asks for is there.
    const outside = spawn('/usr/bin/python3', ['-c', prelude + source(at)], { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    outside.stdout.on('data', (data) => {
      said += data;
    });
    await once(outside, 'close');
    for (const name of ['tcp', 'path', 'abstract']) expect(said).toContain(`${name} open b'reached'`);
  });

  test('no file of another study, of the state directory, or with a secret is there', async () => {
    const secret = join(bench.root, 'state', 'secret.key');
    const other = join(bench.root, 'state', 'run-other', 'input');
    mkdirSync(other, { recursive: true });
    writeFileSync(secret, 'secret', { mode: 0o644 });
    writeFileSync(join(other, 'a.dcm'), 'other', { mode: 0o644 });
    const root = bench.root;
    const found = await explore(`
for p in ["${secret}","${other}/a.dcm","/etc/shadow","/etc/passwd-","/etc/ssl/private","/etc/medusa","/root","/home","/var","/run","/srv","/sys","/boot","/mnt","${root}"]:
 print(p, "open" if os.path.lexists(p) else "closed")
for fd in os.listdir("/proc/self/fd"):
 def up(): 
  d=os.open("..",os.O_RDONLY|os.O_DIRECTORY,dir_fd=int(fd)); return os.listdir(d)
 if int(fd)>2: tries("fd"+fd, up)
tries("cwd-up", lambda: os.listdir("../../../../${root}"))
tries("input-up", lambda: os.listdir("/input/../../state"))
tries("root-link", lambda: os.listdir("/proc/1/root${root}"))
def link(): os.symlink("${secret}","/output/l"); return open("/output/l").read()
tries("symlink", link)
def hard(): os.link("/input/000001.dcm","/output/h")
tries("hardlink", hard)
tries("write-input", lambda: open("/input/000001.dcm","a"))
tries("create-input", lambda: open("/input/x","w"))
tries("write-application", lambda: open("/application/x","w"))
tries("write-usr", lambda: open("/usr/x","w"))
tries("write-etc", lambda: open("/etc/x","w"))
tries("write-root", lambda: open("/x","w"))
tries("write-dev", lambda: open("/dev/x","w"))
tries("chmod-input", lambda: os.chmod("/input/000001.dcm",0o777))
tries("device", lambda: os.mknod("/output/sda",0o60666,os.makedev(8,0)))
`);
    expect(found.open).toEqual([]);
    expect(found.closed.length).toBeGreaterThan(25);
  });

  test('nothing of the environment or of the processes outside is there', async () => {
    process.env.MEDUSA_TEST_SECRET = 'do-not-show';
    const ran = await bench.python(
      'import os\nfor p in os.listdir("/proc"):\n if p.isdigit():\n  for f in ("cmdline","environ"):\n   try: print(p,f,open(f"/proc/{p}/{f}").read().replace(chr(0)," "))\n   except OSError as e: print(p,f,e.errno)\nprint(sorted(os.environ))\nraise SystemExit(9)',
    );
    delete process.env.MEDUSA_TEST_SECRET;
    expect(ran.words).not.toContain('do-not-show');
    expect(ran.words).not.toContain('vitest');
    const pids = new Set([...ran.words.matchAll(/^(\d+) cmdline/gm)].map(([, pid]) => pid));
    expect(pids.size).toBeLessThanOrEqual(2);
    const names = [...(/\[(.*)\]/.exec(ran.words)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(([, name]) => name ?? '');
    expect(names).toContain('MEDUSA_INPUT');
    const known = /^(MEDUSA_|OMP_|OPENBLAS_)|^(PATH|HOME|LANG|LC_CTYPE|TMPDIR|USER|PWD|PYTHONDONTWRITEBYTECODE)$/;
    expect(names.filter((name) => !known.test(name))).toEqual([]);
  });

  test('descriptors that the gateway inherited do not go on to the program', async () => {
    const secret = join(bench.root, 'inherited');
    writeFileSync(secret, 'secret');
    const fd = openSync(secret, 'r');
    const program = fileURLToPath(new URL('./listDescriptors.ts', import.meta.url));
    const child = spawn(process.execPath, [program], {
      stdio: [
        'ignore',
        'pipe',
        'inherit',
        'ignore',
        'ignore',
        'ignore',
        'ignore',
        'ignore',
        'ignore',
        'ignore',
        fd,
        fd,
        fd,
      ],
    });
    closeSync(fd);
    let said = '';
    child.stdout?.on('data', (data) => {
      said += data;
    });
    await once(child, 'close');
    expect(said).toContain('descriptors 0 1 2 end');
  });

  test('the kernel is not asked for what could open a wall', async () => {
    const found = await explore(`
import platform
x=platform.machine()=="x86_64"
tries("unshare-user", lambda: call(272 if x else 97, 0x10000000))
tries("unshare-mount", lambda: call(272 if x else 97, 0x00020000))
tries("clone-user", lambda: call(56 if x else 220, 0x10000000|17, 0, 0, 0, 0))
tries("clone3", lambda: call(435, 0, 0))
tries("setns", lambda: call(308 if x else 268, 0, 0))
tries("mount", lambda: call(165 if x else 40, b"none", b"/tmp", b"tmpfs", 0, 0))
tries("fsopen", lambda: call(430, b"tmpfs", 0))
tries("ptrace", lambda: call(101 if x else 117, 0, 0, 0, 0))
tries("readv", lambda: call(310 if x else 270, 1, 0, 0, 0, 0, 0))
tries("keyctl", lambda: call(250 if x else 219, 0, -3, 1))
tries("add_key", lambda: call(248 if x else 217, b"user", b"a", b"b", 1, -3))
tries("bpf", lambda: call(321 if x else 280, 0, 0, 0))
tries("io_uring", lambda: call(425, 1, 0))
tries("perf", lambda: call(298 if x else 241, 0, 0, -1, -1, 0))
tries("userfaultfd", lambda: call(323 if x else 282, 1))
tries("tiocsti", lambda: call(16 if x else 29, 0, 0x5412, b"x"))
tries("sysctl", lambda: open("/proc/sys/kernel/core_pattern","w"))
tries("sysrq", lambda: open("/proc/sysrq-trigger","w"))
tries("setuid", lambda: os.setuid(0))
tries("pidfd_getfd", lambda: call(438, 0, 0, 0))
`);
    expect(found.open).toEqual([]);
    expect(found.closed).toHaveLength(20);
    const codes = [...found.words.matchAll(/^\S+ closed (\d+)/gm)].map(([, code]) => code);
    // 1 not permitted, 38 no such call, 13 no access, 22 that user does not exist, 30 read-only, 2 not on this machine.
    expect(codes.filter((code) => !['1', '2', '38', '13', '22', '30'].includes(code ?? ''))).toEqual([]);
    expect(found.words).toMatch(/ptrace closed 1$/m);
  });

  test('its parents and everything else cannot be signalled', async () => {
    const ran = await bench.python(
      `import os,signal\ntry: os.kill(-1,signal.SIGKILL)\nexcept OSError: pass\ntry: os.kill(os.getppid(),signal.SIGKILL)\nexcept OSError: pass\nfor p in range(2,70000):\n if p!=os.getpid():\n  try: os.kill(p,9)\n  except OSError: pass\nraise SystemExit(9)`,
    );
    expect(['exit', 'signal']).toContain(causeOf(ran));
  });

  test('a daemon that left its parents ends with the program', async () => {
    const marker = `medusa-daemon-${process.pid}`;
    const ran = await bench.python(
      `import os,time,subprocess\nif os.fork()==0:\n os.setsid()\n if os.fork()==0:\n  os.execv("/bin/sh",["/bin/sh","-c","trap '' TERM HUP INT; while :; do sleep 1; done # ${marker}"])\n os._exit(0)\ntime.sleep(0.5)\nopen("/output/result.json","w").write('{"format":"medusa.result/1","files":[]}')`,
    );
    expect(causeOf(ran)).toBe('finished');
    expect(processesWith(marker)).toEqual([]);
  });

  test('two at a time see nothing of each other', async () => {
    const look = `python3 -c "
import os,time
open('/tmp/mine','w'); open('/dev/shm/mine','w')
time.sleep(1.5)
print('seen', sorted(os.listdir('/tmp')), sorted(os.listdir('/dev/shm')), len([p for p in os.listdir('/proc') if p.isdigit()]), os.listdir('/output'))
raise SystemExit(9)"`;
    const both = await Promise.all([bench.shell(look), bench.shell(look)]);
    for (const { words } of both) expect(words).toMatch(/seen \['mine'\] \['mine'\] [23] \[\]/);
  });

  test('an application whose folder holds the state directory is not run', async () => {
    const { outcome } = await bench.sandbox
      .run({
        application: {
          ...{ name: 'wide', version: '1', scope: 'study', directory: bench.root, command: ['/bin/true'] },
          limits: { memory: 2 ** 27, cpu: 1, wall: 1000, output: 1000, processes: 4 },
        },
        ...{ inputDirectory: bench.root, outputDirectory: bench.root, stderrFile: join(bench.root, 'words') },
        signal: new AbortController().signal,
      })
      .then((outcome) => ({ outcome }));
    expect(outcome).toMatchObject({ cause: 'unavailable', message: expect.stringContaining('must not see') });
  });

  test('after all of this it still works', async () => {
    expect(causeOf(await bench.shell(emptyResult))).toBe('finished');
  });
});
