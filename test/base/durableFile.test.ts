import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { syncDirectory, writeAllSync, writeFileDurably } from '../../src/base/durableFile.ts';
import { systemCode } from '../../src/base/errors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-durable-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('replaces the content and leaves nothing else behind', () => {
  const path = join(folder, 'a');
  writeFileSync(path, 'old content that is longer');
  writeFileDurably(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(folder)).toEqual(['a']);
});

it('writes bytes, with the mode that was asked for', () => {
  const path = join(folder, 'key');
  writeFileDurably(path, Uint8Array.of(0, 1, 255), 0o600);
  expect([...readFileSync(path)]).toEqual([0, 1, 255]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('keeps the old content when the new cannot be put in its place', () => {
  const path = join(folder, 'a');
  writeFileDurably(path, 'old');
  writeFileSync(join(folder, 'plain'), '');
  expect(() => writeFileDurably(join(folder, 'plain', 'a'), 'new')).toThrow(/ENOTDIR/);
  expect(() => writeFileDurably(folder, 'new')).toThrow(); // a folder is in the way of the rename
  expect(readFileSync(path, 'utf8')).toBe('old');
});

it('writes at a position, and at the current one', () => {
  const path = join(folder, 'a');
  const fd = openSync(path, 'w+');
  writeAllSync(fd, Buffer.from('abcdef'));
  writeAllSync(fd, Buffer.from('XY'), 2);
  writeAllSync(fd, Buffer.from('g'));
  closeSync(fd);
  expect(readFileSync(path, 'utf8')).toBe('abXYefg');
});

it('says when there is no such directory to sync', () => {
  syncDirectory(folder);
  let code: string | undefined;
  try {
    syncDirectory(join(folder, 'none'));
  } catch (error) {
    code = systemCode(error);
  }
  expect(code).toBe('ENOENT');
});
