/** Compiles the few C programs of bench/ and test/ when they are first needed, outside of the source tree. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../../', import.meta.url).pathname;
/** Ignored by git, and gone with `npm ci`. */
const cache = join(root, 'node_modules', '.cache', 'medusa-native');

/** Why nothing can be compiled here; undefined when it can. OpenSSL's headers are asked for by `openssl`. */
export function compilerMissing(openssl = false): string | undefined {
  if (spawnSync('cc', ['--version']).status !== 0) return 'no C compiler (package gcc)';
  if (openssl && !existsSync('/usr/include/openssl/ssl.h')) return 'no OpenSSL headers (package libssl-dev)';
  return undefined;
}

/**
 * Compiles `source`, a C file or a folder of them, relative to the project, and answers the path of the result. What has
 * been compiled from the same sources with the same options is used again. Throws with the compiler's messages.
 */
export function buildNative(source: string, name: string, options: string[] = []): string {
  const path = join(root, source);
  const isFile = source.endsWith('.c');
  const sources = isFile ? [path] : readdirSync(path).map((file) => join(path, file));
  const hash = createHash('sha256').update(options.join(' '));
  for (const file of sources.sort()) hash.update(readFileSync(file));
  const target = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  const units = sources.filter((file) => file.endsWith('.c'));
  execFileSync('cc', ['-O2', '-o', unfinished, ...units, ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  renameSync(unfinished, target);
  return target;
}

/** The environment that makes a server listen on loopback only (loopbackBind.c), without Nagle's delay for DCMTK. */
export function loopbackEnvironment(): Record<string, string> {
  const library = buildNative('test/support/loopbackBind.c', 'loopbackBind.so', ['-shared', '-fPIC', '-ldl']);
  return { LD_PRELOAD: library, TCP_NODELAY: '1' };
}
