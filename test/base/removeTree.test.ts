import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { removeTreeSync } from '../../src/base/removeTree.ts';

const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'remove-tree-'));
  made.push(path);
  return path;
}

/** As a user to whom modes mean something. */
function asNobody(root: string, code: string): string {
  chmodSync(root, 0o777);
  const module = resolve(import.meta.dirname, '../../src/base/removeTree.ts');
  const script = `const fs = await import('node:fs'); const { removeTree, removeTreeSync } = await import(${JSON.stringify(module)});
    const root = ${JSON.stringify(root)}; ${code}`;
  const isRoot = process.geteuid?.() === 0;
  const user = isRoot ? { uid: 65534, gid: 65534 } : {};
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    ...user,
    encoding: 'utf8',
    cwd: '/',
  });
  return (
    ended.stdout +
    ended.stderr
      .split('\n')
      .filter((line) => /Error/.test(line))
      .join('\n')
  );
}

for (const call of ['removeTreeSync', 'await removeTree']) {
  test(`${call}: folders without rights and names that are not UTF-8 go`, () => {
    const root = folder();
    const said = asNobody(
      root,
      `fs.mkdirSync(root + '/t/d/e', { recursive: true }); fs.writeFileSync(root + '/t/d/e/f', 'x');
       const odd = Buffer.concat([Buffer.from(root + '/t/'), Buffer.from([0xff, 0xfe])]);
       fs.mkdirSync(odd); fs.writeFileSync(Buffer.concat([odd, Buffer.from([0x2f, 0xfd])]), 'x');
       fs.chmodSync(odd, 0); fs.chmodSync(root + '/t/d/e', 0); fs.chmodSync(root + '/t/d', 0o100); fs.chmodSync(root + '/t', 0);
       ${call}(root + '/t'); console.log('gone');`,
    );
    expect(said).toBe('gone\n');
    expect(existsSync(join(root, 't'))).toBe(false);
  });
}

test('folders that are nested deeper than a path may be long go', () => {
  const root = folder();
  const name = 'n'.repeat(200);
  const said = asNobody(
    root,
    `fs.mkdirSync(root + '/t'); process.chdir(root + '/t');
     for (let i = 0; i < 60; i++) { fs.mkdirSync('${name}'); process.chdir('${name}'); }
     process.chdir('/'); removeTreeSync(root + '/t'); console.log('gone');`,
  );
  expect(said).toBe('gone\n');
  expect(existsSync(join(root, 't'))).toBe(false);
});

test('what a link points at stays as it is', () => {
  const root = folder();
  mkdirSync(join(root, 'kept'), { mode: 0o500 });
  writeFileSync(join(root, 'kept.txt'), 'kept');
  mkdirSync(join(root, 't'));
  symlinkSync(join(root, 'kept'), join(root, 't', 'folder'));
  symlinkSync(join(root, 'kept.txt'), join(root, 't', 'file'));
  removeTreeSync(join(root, 't'));
  symlinkSync(join(root, 'kept'), join(root, 'link'));
  removeTreeSync(join(root, 'link'));
  expect(existsSync(join(root, 'link'))).toBe(false);
  expect(existsSync(join(root, 'kept'))).toBe(true);
  expect(readFileSync(join(root, 'kept.txt'), 'utf8')).toBe('kept');
});

test('nothing there is nothing to do', () => {
  expect(() => removeTreeSync(join(folder(), 'absent'))).not.toThrow();
});
