/** What a program may hand back, and what is refused: each refusal says which rule, and keeps the program's own names out of the log. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, causeOf, openBench, skip } from './bench.ts';

const file = (path: string, more: object = {}) => ({
  path,
  contentType: 'application/json',
  from: ['000001.dcm'],
  ...more,
});
const result = (files: object[], more: object = {}) => JSON.stringify({ format: 'medusa.result/1', files, ...more });

describe.skipIf(skip !== undefined)(`results of a data part ${skip ?? ''}`, () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.close());

  const writes = (before: string, text: string) =>
    bench.shell(`${before}\ncat > /output/result.json <<'END'\n${text}\nEND`);

  test('named files are taken over, with what they are from; what begins with a dot is not', async () => {
    const text = result([file('a/mask.json'), file('b.dcm', { contentType: 'application/dicom', dicom: true })], {
      measurements: { volume: 12.5 },
      summary: 'one organ',
    });
    const percents: number[] = [];
    const ran = await bench.shell(
      `echo progress 10; mkdir -p /output/a /output/.work; echo '{}' > /output/a/mask.json; echo x > /output/b.dcm; ln -s / /output/.work/l; ln -s / /output/.l
echo progress 100; echo progress 1000; cat > /output/result.json <<'END'\n${text}\nEND`,
      { onProgress: (percent) => percents.push(percent) },
    );
    expect(ran.outcome).toMatchObject({
      kind: 'finished',
      exitCode: 0,
      result: { measurements: { volume: 12.5 }, summary: 'one organ' },
      files: [
        { path: 'a/mask.json', size: 3, from: ['000001.dcm'], dicom: false },
        { path: 'b.dcm', contentType: 'application/dicom', size: 2, dicom: true },
      ],
    });
    expect(readdirSync(ran.output).sort()).toEqual(['a', 'b.dcm', 'result.json']);
    expect(percents).toEqual([10, 100]);
  });

  test.each([
    ['no result.json', 'true', undefined, 'no result.json'],
    ['not JSON', 'true', '{', 'not JSON'],
    ['another format', 'true', '{"format":"medusa.result/2","files":[]}', 'does not fit its format at "format"'],
    ['an unknown key', 'true', result([], { patient: 1 }), 'does not fit its format'],
    [
      'deep nesting',
      'true',
      `{"format":"medusa.result/1","files":[],"measurements":{"a":${'['.repeat(40)}${']'.repeat(40)}}}`,
      'nested',
    ],
    ['a file that is not there', 'true', result([file('a.json')]), 'files[0] of result.json is not there'],
    ['a path that leads out', 'echo x > /tmp/a', result([file('../tmp/a')]), 'files.0.path'],
    ['an absolute path', 'echo x > /tmp/a', result([file('/tmp/a')]), 'files.0.path'],
    ['a hidden file', 'echo x > /output/.a', result([file('.a')]), 'files.0.path'],
    ['a symbolic link', 'ln -s /etc/passwd /output/a', result([file('a')]), 'symbolic link'],
    ['a folder that is a link', 'ln -s /etc /output/d', result([file('d/passwd')]), 'does not lie in a folder'],
    ['a FIFO', 'mkfifo /output/a', result([file('a')]), 'not a regular file'],
    ['a folder', 'mkdir /output/a', result([file('a')]), 'not a regular file'],
    ['a hard link', 'echo x > /output/a; ln /output/a /output/b', result([file('a'), file('b')]), 'second name'],
    ['the same file twice', 'echo x > /output/a', result([file('a'), file('a')]), 'named before'],
    ['a file that is not named', 'echo x > /output/left', result([]), 'does not name'],
    ['a link that is not named', 'ln -s / /output/left', result([]), 'does not name'],
    [
      'from something that was not given',
      'echo x > /output/a',
      result([file('a', { from: ['study.json'] })]),
      'not in the input',
    ],
    ['from nothing', 'echo x > /output/a', result([file('a', { from: [] })]), 'files.0.from'],
    ['result.json as a result', 'true', result([file('result.json')]), 'itself'],
  ])('refused: %s', async (_, before, text, message) => {
    const ran = text === undefined ? await bench.shell(before) : await writes(before, text);
    expect(causeOf(ran)).toBe('bad-result');
    expect(ran.outcome).toMatchObject({ message: expect.stringContaining(message) });
    expect(readdirSync(ran.output)).toEqual([]);
  });

  test('a result.json that is a link, a FIFO or too large', async () => {
    const link = await bench.shell(`echo '${result([])}' > /output/.r; ln -s .r /output/result.json`);
    expect(link.outcome).toMatchObject({ cause: 'bad-result', message: expect.stringContaining('no result.json') });
    const fifo = await bench.shell('mkfifo /output/result.json');
    expect(fifo.outcome).toMatchObject({ cause: 'bad-result', message: expect.stringContaining('not a regular file') });
    const large = await bench.shell('head -c 1048577 /dev/zero > /output/result.json', { limits: { output: 2 ** 22 } });
    expect(large.outcome).toMatchObject({ cause: 'bad-result', message: expect.stringContaining('at most') });
  });

  test('names that the program chose are in its file, not in the message', async () => {
    const ran = await writes('echo x > /output/DOE^JOHN', result([]));
    expect(ran.outcome).toMatchObject({ cause: 'bad-result' });
    expect(JSON.stringify(ran.outcome)).not.toContain('DOE');
    expect(ran.words).toContain('DOE^JOHN');
  });

  test('a result beside a status other than 0 is not used', async () => {
    const ran = await bench.shell(`echo '${result([])}' > /output/result.json; exit 4`);
    expect(ran.outcome).toMatchObject({ kind: 'failed', cause: 'exit', exitCode: 4 });
    expect(readdirSync(ran.output)).toEqual([]);
  });

  test('a program that is not there, or that a signal ends, is named', async () => {
    const absent = await bench.run(['./absent']);
    expect(absent.outcome).toMatchObject({ cause: 'exit', message: expect.stringContaining('could not be started') });
    const ended = await bench.shell('kill -SEGV $$');
    expect(ended.outcome).toMatchObject({ cause: 'signal', message: expect.stringContaining('SIGSEGV') });
  });

  test('one that is withdrawn ends as cancelled, before and while it runs', async () => {
    const controller = new AbortController();
    const running = bench.shell('sleep 1000', { signal: controller.signal });
    setTimeout(() => controller.abort(), 500);
    expect(causeOf(await running)).toBe('cancelled');
    expect(causeOf(await bench.shell('true', { signal: controller.signal }))).toBe('cancelled');
  });
});
