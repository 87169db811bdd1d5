/** Programs that take more than they may: each is ended, named with its cause, and leaves nothing behind. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, causeOf, compile, emptyResult, openBench, processesWith, skip } from './bench.ts';

describe.skipIf(skip !== undefined)(`limits of a data part ${skip ?? ''}`, () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(async () => {
    // Whatever was done before: the sandbox is as good as new.
    const { outcome } = await bench.shell(emptyResult);
    expect(outcome).toMatchObject({ kind: 'finished' });
    expect(readdirSync(join(bench.root, 'state', 'sandbox'))).toEqual(['files']);
    await bench.close();
  });

  test('one that does not end is ended by wall time, also when it ignores every signal', async () => {
    const ran = await bench.python(
      'import signal,time\nfor n in range(1,65):\n try: signal.signal(n, signal.SIG_IGN)\n except Exception: pass\nwhile True: time.sleep(1)',
      { limits: { wall: 1500 } },
    );
    expect(causeOf(ran)).toBe('wall-time');
    expect(ran.outcome).toMatchObject({ message: expect.stringContaining('limits.wall') });
  });

  test('one that only counts uses up its processor time', async () => {
    const ran = await bench.python('while True: pass', { limits: { cpu: 0.1, wall: 10_000 } });
    expect(causeOf(ran)).toBe('cpu-time');
    expect(ran.outcome.figures.cpuSeconds).toBeGreaterThan(1);
  });

  test('a fork bomb is ended for its number of processes', async () => {
    const ran = await bench.shell('bomb() { bomb | bomb & }; bomb; sleep 1000');
    expect(causeOf(ran)).toBe('processes');
  });

  test('a program in C that forks and detaches without end is ended as well', async () => {
    compile(bench, 'forker', '#include <unistd.h>\nint main(){for(;;){if(fork()==0)setsid();}}');
    const ran = await bench.run(['./forker']);
    expect(['processes', 'cpu-time']).toContain(causeOf(ran));
    expect(processesWith('./forker')).toEqual([]);
  });

  test('one that fills memory is ended for it', async () => {
    const ran = await bench.python('a=[]\nwhile True: a.append(bytearray(b"x"*4194304))');
    expect(causeOf(ran)).toBe('memory');
    expect(ran.outcome.figures.peakMemoryBytes).toBeGreaterThan(100 * 2 ** 20);
  });

  test('many processes that fill memory together are ended for their sum', async () => {
    const ran = await bench.python(
      `import os,time\nfor i in range(5):\n if os.fork()==0:\n  b=bytearray(os.urandom(1048576)*40)\n  time.sleep(100)\ntime.sleep(100)`,
    );
    expect(causeOf(ran)).toBe('memory');
  });

  test('files in /tmp and /dev/shm are memory, and have an end', async () => {
    const ran = await bench.shell(
      'head -c 1G /dev/zero > /tmp/a 2>/dev/null; exec python3 -c "import time; b=bytearray(36*1048576); time.sleep(100)"',
      { limits: { memory: 48 * 2 ** 20 } },
    );
    expect(causeOf(ran)).toBe('memory');
    const roomy = await bench.shell(
      'for i in 1 2 3; do head -c 100M /dev/zero > /tmp/$i; head -c 100M /dev/zero > /dev/shm/$i; done; du -sm /tmp /dev/shm >&2; exit 9',
      { limits: { memory: 300 * 2 ** 20 } },
    );
    const sizes = [...roomy.words.matchAll(/^(\d+)\t\//gm)].map(([, size]) => Number(size));
    expect(sizes.length).toBe(2);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(151);
  });

  test('memory that belongs to no process cannot be had without a control group', async () => {
    const ran = await bench.python(
      'import os,ctypes\ntry:\n os.memfd_create("x"); print("memfd")\nexcept OSError as e: print("refused", e.errno)\nprint("shm", ctypes.CDLL(None).shmget(0, 1048576, 0o1600))\nraise SystemExit(9)',
    );
    if (bench.sandbox.enforcement.memory === 'sampled') expect(ran.words).toMatch(/refused 1[\s\S]*shm -1/);
  });

  test.each([
    ['one that writes without end', 'cat /dev/zero > /output/a'],
    ['many files of some size', 'i=0; while :; do i=$((i+1)); head -c 100000 /dev/zero > /output/$i; done'],
    ['a sparse file', 'truncate -s 10G /output/a'],
    ['a sparse file of a size that the kernel allows', 'truncate -s 50M /output/a; sleep 100'],
    [
      'files whose names are not text',
      'i=0; while :; do i=$((i+1)); head -c 100000 /dev/zero > "$(printf \'/output/\\377%s\' $i)"; done',
    ],
  ])('output: %s', async (_, source) => {
    const ran = await bench.shell(source);
    expect(causeOf(ran)).toBe('output-size');
    expect(readdirSync(ran.output)).toEqual([]);
  });

  test('output that passes its limit and ends at once is refused all the same', async () => {
    const ran = await bench.shell(`head -c 1048577 /dev/zero > /output/a; ${emptyResult}`);
    expect(causeOf(ran)).toBe('output-size');
  });

  test('a million small files, and folders without end', async () => {
    const files = await bench.python('for i in range(1000000): open(f"/output/{i}","w").close()');
    expect(causeOf(files)).toBe('output-size');
    expect(readdirSync(files.output)).toEqual([]);
    const folders = await bench.python(
      'import os\nos.chdir("/output")\nfor i in range(3000):\n os.mkdir("d"*200); os.chdir("d"*200)',
    );
    expect(causeOf(folders)).toBe('output-size');
    expect(readdirSync(folders.output)).toEqual([]);
  });

  test('a folder that its owner may not read is refused, and removed', async () => {
    const ran = await bench.shell(
      'mkdir -p /output/a/b; echo x > /output/a/b/c; chmod 0 /output/a/b /output/a; exit 0',
    );
    expect(['output-size', 'bad-result']).toContain(causeOf(ran));
    expect(readdirSync(ran.output)).toEqual([]);
  });

  test('a flood on standard error costs a bounded file, and no memory', async () => {
    const before = process.memoryUsage().rss;
    const ran = await bench.shell('yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >&2', { limits: { wall: 2000 } });
    expect(causeOf(ran)).toBe('wall-time');
    expect(ran.words.length).toBeGreaterThan(60_000);
    expect(ran.words.length).toBeLessThan(70_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });
});
