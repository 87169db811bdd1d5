import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/gateway/cli/program.ts';
import { dependencies } from '../../../src/gateway/cli/wiring.ts';
import { runProgram } from './cli.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The same as the program, without the start of a process. */
async function run(...args: string[]) {
  const ended = { code: 0, out: '', err: '' };
  const write = (text: string) => {
    ended.out += text;
  };
  const writeError = (text: string) => {
    ended.err += text;
  };
  ended.code = await runCli(args, dependencies, { version, write, writeError });
  return ended;
}

const commands = [
  ['run'],
  ['demo'],
  ['check'],
  ['status'],
  ['send'],
  ['queue'],
  ['queue', 'list'],
  ['queue', 'show'],
  ['queue', 'retry'],
  ['peers'],
  ['peers', 'list'],
  ['peers', 'add'],
  ['peers', 'remove'],
  ['peers', 'test'],
  ['peers', 'learn'],
  ['reload'],
  ['verify'],
  ['spool'],
  ['spool', 'rebuild'],
  ['spool', 'list'],
  ['spool', 'export'],
  ['spool', 'check'],
  ['identity'],
  ['identity', 'init'],
  ['identity', 'csr'],
  ['identity', 'self-signed'],
  ['identity', 'import'],
  ['identity', 'show'],
  ['identity', 'rollback'],
  ['version'],
];

describe('help', () => {
  it.each(commands)('%s %s shows examples and ends with 0', async (...words) => {
    const path = words.filter(Boolean);
    const { code, out, err } = await run(...path, '--help');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`Usage: medusa-gateway ${path.join(' ')}`);
    expect(out).toMatch(new RegExp(`Examples:\n  medusa-gateway ${path[0]}`));
  });

  it.each(
    commands.filter(
      ([first, second]) => second !== undefined || !['queue', 'spool', 'peers', 'identity'].includes(first ?? ''),
    ),
  )('%s %s knows --json', async (...words) =>
    expect((await run(...words.filter(Boolean), '--help')).out).toContain('--json'),
  );

  it('lists every command', async () => {
    const { out } = await run('--help');
    for (const [name] of commands) expect(out).toContain(`  ${name}`);
  });
});

describe('used wrongly', () => {
  it.each([
    [[]],
    [['launch']],
    [['queue']],
    [['run']],
    [['run', '--config']],
    [['run', '--confg', 'x']],
    [['demo', 'extra']],
    [['status', '--colour']],
    [['queue', 'list', '--limit', '0']],
    [['queue', 'list', '--state', 'lost']],
    [['queue', 'show', 'x']],
    [['queue', 'retry']],
    [['queue', 'retry', '7', '--all']],
    [['send', 'localhost', '99999', 'a.dcm']],
    [['send', 'localhost', '104']],
    [['send', 'localhost', '104', 'a.dcm', '--called', 'A\\B']],
    [['send', 'localhost', '104', 'a.dcm', '--ca', 'x']],
    [['send', 'localhost', '104', 'a.dcm', '--window', '0']],
    [['send', 'localhost', '104', 'a.dcm', '--tls', '--cert', 'x']],
    [['spool', 'export', '../../etc/passwd', '--output', 'x', '--config', 'x']],
  ])('%j ends with 2 and says why on standard error', async (args) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^(error: |Usage: )/);
  });

  it('suggests the command that was meant', async () => {
    expect((await run('statsu')).err).toContain('Did you mean status?');
  });
});

describe('a bad configuration', () => {
  const write = () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'site: Bad!\nlisteers: []\nspool: { quota: 1MiB }\n');
    return file;
  };

  it.each([['run'], ['check'], ['status'], ['verify'], ['queue', 'list'], ['spool', 'check']])(
    '%s %s ends with 1 and prints all problems',
    async (...words) => {
      const file = write();
      const { code, out, err } = await run(...words.filter(Boolean), '--config', file);
      expect([code, out]).toEqual([1, '']);
      expect(err.match(new RegExp(`^${file}:\\d+:\\d+: `, 'gm'))).toHaveLength(3);
      expect(err).toContain('did you mean "listeners"?');
      expect(err).toContain('error: the configuration has 3 problems');
    },
  );

  it('comes as JSON when that is asked for', async () => {
    const { code, out } = await run('check', '--json', '--config', write());
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      error: {
        code: 'config.refused',
        problems: [{ line: 1, key: 'site' }, { key: 'listeers' }, { key: 'spool.quota' }],
      },
    });
  });

  it('that does not exist is one of them', async () => {
    const { code, err } = await run('run', '--config', join(folder, 'none.yaml'));
    expect([code, err]).toEqual([1, expect.stringContaining('none.yaml: the file does not exist')]);
  });
});

describe('the program itself', () => {
  it('runs on the pinned Node, from anywhere', async () => {
    const { code, out, err } = await runProgram(['version', '--json']);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ ok: true, version, node: expect.stringMatching(/^24\./) });
  });

  it('ends with 2 and with 1', async () => {
    expect((await runProgram(['launch'])).code).toBe(2);
    expect((await runProgram(['status', '--socket', join(folder, 'none.sock')])).code).toBe(1);
  });

  it('prints its version alone', async () => {
    expect(await runProgram(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });
});
