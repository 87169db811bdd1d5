import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { processStart } from '../../../src/base/processStart.ts';
import { rewriteConfiguration } from '../../../src/gateway/config/configurationFile.ts';

let folder: string;
let file: string;
const text = 'site: a # mine\npeers: []\n';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-rewrite-'));
  file = join(folder, 'gateway.yaml');
  writeFileSync(file, text);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a configuration that is changed', () => {
  it('keeps mode and owner, and what was before', () => {
    chmodSync(file, 0o604);
    const { uid, gid } = statSync(file);
    const done = rewriteConfiguration(file, (document) => document.set('aeTitle', 'X'));
    expect(done).toEqual({ ok: true, changed: true, backup: `${file}.bak` });
    expect(readFileSync(file, 'utf8')).toBe(`${text}aeTitle: X\n`);
    expect(readFileSync(`${file}.bak`, 'utf8')).toBe(text);
    for (const path of [file, `${file}.bak`]) expect(statSync(path)).toMatchObject({ mode: 0o100604, uid, gid });
  });

  it.skipIf(process.getuid?.() !== 0)('by root stays readable for the gateway', async () => {
    const { chownSync } = await import('node:fs');
    chownSync(file, 12345, 12346);
    chmodSync(file, 0o640);
    rewriteConfiguration(file, (document) => document.set('aeTitle', 'X'));
    expect(statSync(file)).toMatchObject({ mode: 0o100640, uid: 12345, gid: 12346 });
  });

  it('stays where a symbolic link leads', () => {
    const link = join(folder, 'link.yaml');
    symlinkSync('gateway.yaml', link);
    rewriteConfiguration(link, (document) => document.set('aeTitle', 'X'));
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, 'utf8')).toContain('aeTitle: X');
  });

  it('is left alone when nothing changes, when it was not sound, or would not be', () => {
    expect(rewriteConfiguration(file, () => {})).toMatchObject({ ok: true, changed: false });
    const unsound = rewriteConfiguration(file, (document) => document.set('nonsense', 1));
    expect(unsound).toMatchObject({ ok: false, before: false, problems: [{ key: 'nonsense' }] });
    expect(readFileSync(file, 'utf8')).toBe(text);
    writeFileSync(file, 'site: A!\n');
    const change = (): void => {
      throw new Error('is not asked');
    };
    expect(rewriteConfiguration(file, change)).toMatchObject({ ok: false, before: true, problems: [{ key: 'site' }] });
    expect(existsSync(`${file}.bak`)).toBe(false);
  });

  it('by eight processes at once has the changes of all, and nothing is left behind', async () => {
    const code = `
      const { rewriteConfiguration } = await import(process.argv[1]);
      rewriteConfiguration(process.argv[2], (document) => document.addIn(['peers'], { aeTitle: process.argv[3] }));`;
    const module = new URL('../../../src/gateway/config/configurationFile.ts', import.meta.url).href;
    const add = (title: string) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, module, file, title]);
    const titles = Array.from({ length: 8 }, (_, n) => `CT${n}`);
    await Promise.all(titles.map(add));
    const peers = parse(readFileSync(file, 'utf8')).peers.map(({ aeTitle }: { aeTitle: string }) => aeTitle);
    expect(peers.sort()).toEqual(titles);
    expect(parse(readFileSync(`${file}.bak`, 'utf8')).peers).toHaveLength(7);
    expect(readdirSync(folder).sort()).toEqual(['gateway.yaml', 'gateway.yaml.bak']);
  }, 60_000);

  it('is not changed while somebody else is at it; a lock whose owner is gone does not count', () => {
    const change = () => rewriteConfiguration(file, (document) => document.set('aeTitle', 'X'), { waitMs: 50 });
    writeFileSync(`${file}.lock`, `${process.ppid} ${processStart(process.ppid)}\n`);
    expect(change).toThrow(/another command/);
    expect(readFileSync(file, 'utf8')).toBe(text);
    for (const [n, dead] of ['999999999 1\n', `${process.ppid} 1\n`, ''].entries()) {
      writeFileSync(`${file}.lock`, dead);
      const done = rewriteConfiguration(file, (document) => document.set('aeTitle', `X${n}`), { waitMs: 50 });
      expect(done).toMatchObject({ ok: true, changed: true });
      expect(readdirSync(folder).sort()).toEqual(['gateway.yaml', 'gateway.yaml.bak']);
    }
  });

  it('by two at a time loses neither change', () => {
    const change = () =>
      rewriteConfiguration(file, (document) => {
        document.set('aeTitle', 'X');
        writeFileSync(file, `${text}# of somebody else\n`);
      });
    expect(change).toThrow(/somebody else changed/);
    expect(readFileSync(file, 'utf8')).toContain('# of somebody else');
  });
});
