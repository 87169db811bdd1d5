/** scripts/setup.mjs in a copy of its own, with a stand-in for npm that notes how it was called. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root: string;
const inRoot = (...names: string[]) => join(root, ...names);

type Locked = Record<string, { version: string; integrity?: string; optional?: boolean }>;
const lock = (packages: Locked) => JSON.stringify({ packages: { '': { version: '0' }, ...packages } });
const wanted: Locked = {
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/b': { version: '2.0.0', integrity: 'sha512-b', optional: true },
};

function program(name: string, script: string): void {
  writeFileSync(inRoot('bin', name), `#!/bin/sh\n${script}\n`);
  chmodSync(inRoot('bin', name), 0o755);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'medusa-setup-'));
  for (const folder of ['scripts', 'bin']) mkdirSync(inRoot(folder));
  copyFileSync(fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url)), inRoot('scripts', 'setup.mjs'));
  writeFileSync(inRoot('package-lock.json'), lock(wanted));
  program('npm', `echo "$@" >> ${inRoot('npm.log')}`);
});
afterEach(() => rmSync(root, { recursive: true }));

/** Only the stand-ins are on the PATH. */
function setUp(...args: string[]) {
  const env = { PATH: inRoot('bin') };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/setup.mjs', ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  const npm = existsSync(inRoot('npm.log')) ? readFileSync(inRoot('npm.log'), 'utf8') : '';
  return { status, stdout, stderr, npm };
}

function installed(packages: Locked): void {
  mkdirSync(inRoot('node_modules', '.bin'), { recursive: true });
  writeFileSync(inRoot('node_modules', '.bin', 'node'), '');
  writeFileSync(inRoot('node_modules', '.package-lock.json'), JSON.stringify({ packages }));
}

describe('the npm packages', () => {
  it('are installed on the first run', () => {
    expect(setUp()).toMatchObject({
      status: 0,
      npm: expect.stringMatching(/^ci /),
      stdout: expect.stringContaining('first run'),
    });
  });

  it('are left alone when they are what the lock file says, with or without those for other machines', () => {
    installed(wanted);
    expect(setUp()).toEqual({ status: 0, npm: '', stdout: '', stderr: '' });
    const { 'node_modules/b': _other, ...here } = wanted;
    installed(here);
    expect(setUp()).toEqual({ status: 0, npm: '', stdout: '', stderr: '' });
  });

  it.each<[string, Locked]>([
    ['one has another version', { ...wanted, 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } }],
    ['one has other content', { ...wanted, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } }],
    ['one is missing', { 'node_modules/b': { version: '2.0.0', integrity: 'sha512-b' } }],
    ['one is too much', { ...wanted, 'node_modules/c': { version: '1.0.0' } }],
  ])('are installed when %s', (_name, packages) => {
    installed(packages);
    expect(setUp().npm).toMatch(/^ci /);
  });

  it('are installed when an install was broken off', () => {
    installed(wanted);
    rmSync(inRoot('node_modules', '.package-lock.json'));
    expect(setUp().npm).toMatch(/^ci /);
  });

  it('that cannot be had stop everything, with the reason', () => {
    program('npm', 'exit 7');
    expect(setUp()).toMatchObject({ status: 1, stderr: expect.stringContaining('npm ci failed') });
  });
});

describe('the Debian packages', () => {
  beforeEach(() => {
    installed(wanted);
    writeFileSync(inRoot('scripts', 'debian-packages.txt'), '# why\n\nhere   # suite one\nmissing # suite two\nbare\n');
    program('dpkg-query', 'echo "installed here"; echo "config-files missing"');
  });

  it('that are all there are left alone', () => {
    program('dpkg-query', 'echo "installed here"; echo "installed missing"; echo "installed bare"');
    program('apt-get', `echo called >> ${inRoot('apt.log')}`);
    expect(setUp('--debian')).toMatchObject({ status: 0, stdout: '' });
    expect(existsSync(inRoot('apt.log'))).toBe(false);
  });

  it('are not asked for without --debian', () => {
    expect(setUp()).toMatchObject({ status: 0, stdout: '' });
  });

  it('are named with what is skipped where there is no apt-get', () => {
    const { status, stdout } = setUp('--debian');
    expect(status).toBe(0);
    expect(stdout).toContain('setup: this is no Debian system');
    expect(stdout).toContain('setup:   missing (suite two)\nsetup:   bare\n');
  });
});
