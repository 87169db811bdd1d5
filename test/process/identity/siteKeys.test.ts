import {
  chmodSync,
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
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import { deriveSiteKeys, openSiteKeys } from '../../../src/process/identity/siteKeys.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'site-keys-'));
  path = join(folder, 'deidentification.key');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const problem = () => {
  try {
    openSiteKeys(path);
  } catch (error) {
    return error instanceof GatewayError ? `${error.code}: ${error.message}` : String(error);
  }
  return 'none';
};

test('the master key is made once: 32 random bytes that only their owner reads', () => {
  const first = openSiteKeys(path);
  expect(statSync(path).size).toBe(32);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['deidentification.key']);
  const master = readFileSync(path);
  expect(openSiteKeys(path)).toEqual(first);
  expect(readFileSync(path)).toEqual(master);
  expect(deriveSiteKeys(master)).toEqual(first);
});

test('each purpose has a key of its own, none is the master', () => {
  const master = Buffer.alloc(32, 5);
  const { deidentification, identityMap } = deriveSiteKeys(master);
  const all = [...Object.values(deidentification), identityMap].map((key) => key.toString('hex'));
  expect(new Set([...all, master.toString('hex')]).size).toBe(5);
  for (const key of all) expect(key).toHaveLength(64);
});

// Whatever left the site depends on these: they may never change.
test('derivation is fixed', () => {
  expect(deriveSiteKeys(Buffer.alloc(32)).deidentification.uid.toString('hex')).toMatchInlineSnapshot(
    `"69f75260d3ac5be1ae6dccf3d282d765a57e8714223af21466d302458f3db90a"`,
  );
});

test.each([
  [0o640, /others may read it \(mode 640\)/],
  [0o604, /others may read it/],
])('mode %o is refused', (mode, message) => {
  writeFileSync(path, Buffer.alloc(32, 1));
  chmodSync(path, mode);
  expect(problem()).toMatch(/^site-key\.unusable/);
  expect(problem()).toMatch(message);
});

test.each([0, 31, 33, 64])('%i bytes are refused, and stay', (size) => {
  writeFileSync(path, Buffer.alloc(size, 1), { mode: 0o600 });
  expect(problem()).toMatch(/bytes instead of 32/);
  expect(readFileSync(path)).toHaveLength(size);
});

test('a link is refused', () => {
  writeFileSync(join(folder, 'elsewhere'), Buffer.alloc(32, 1), { mode: 0o600 });
  symlinkSync(join(folder, 'elsewhere'), path);
  expect(problem()).toMatch(/^site-key\.unusable/);
});

test('without its folder there is no key', () => {
  path = join(folder, 'missing', 'key');
  expect(problem()).toMatch(/it cannot be made/);
});
