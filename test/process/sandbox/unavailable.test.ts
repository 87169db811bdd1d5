/** A machine that has no sandbox: clear words, and no program is ever run without. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../../src/base/log.ts';
import { openSandbox } from '../../../src/process/sandbox/openSandbox.ts';
import { systemCallFilter } from '../../../src/process/sandbox/systemCallFilter.ts';
import { arm64, x64 } from '../../../src/process/sandbox/systemCalls.ts';
import { trialFailed } from '../../../src/process/sandbox/unavailable.ts';

const facts = {
  unprivilegedUserns: undefined,
  apparmorRestrictsUserns: undefined,
  mostUserNamespaces: '9',
  seccomp: '0',
};

async function openWith(script: string | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'medusa-no-sandbox-'));
  const bubblewrap = join(folder, 'bwrap');
  if (script !== undefined) writeFileSync(bubblewrap, `#!/bin/sh\n${script}\n`);
  // For the other user that a gateway which is root runs it as.
  chmodSync(folder, 0o755);
  if (script !== undefined) chmodSync(bubblewrap, 0o755);
  try {
    return await openSandbox({
      workDirectory: join(folder, 'work'),
      hidden: [],
      log: createMemoryLog().log,
      bubblewrap,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('a sandbox that cannot be had', () => {
  test('without bubblewrap', async () => {
    const opened = await openWith(undefined);
    expect(opened).toMatchObject({
      available: false,
      error: { code: 'sandbox.program-missing', hint: expect.stringContaining('apt-get install bubblewrap') },
    });
  });

  test('with a bubblewrap that lets everything through, which the trial run sees', async () => {
    const lets = 'while [ "$1" != -- ]; do shift; done; shift; echo \'{"exit-code": 0}\' >&4; exec "$@"';
    expect(await openWith(lets)).toMatchObject({ available: false, error: { code: 'sandbox.not-contained' } });
  });

  test.each([
    [
      'bwrap: No permissions to create new namespace, likely',
      { unprivilegedUserns: '0' },
      'namespaces-denied',
      'unprivileged_userns_clone=1',
    ],
    ['bwrap: Creating new namespace failed', { mostUserNamespaces: '0' }, 'namespaces-denied', 'max_user_namespaces'],
    [
      'bwrap: setting up uid map: Permission denied',
      { apparmorRestrictsUserns: '1' },
      'namespaces-denied',
      'AppArmor profile',
    ],
    [
      'bwrap: Creating new namespace failed: Operation not permitted',
      { seccomp: '2' },
      'namespaces-denied',
      'RestrictNamespaces=',
    ],
    ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", {}, 'proc-masked', 'ProtectKernelTunables='],
    ['bwrap: loopback: Failed to create NETLINK_ROUTE socket', {}, 'netlink-denied', 'AF_NETLINK'],
    ['bwrap: Failed to make / slave: Operation not permitted', { seccomp: '2' }, 'mount-denied', '@mount'],
    ["bwrap: Can't set hostname to sandbox: Operation not permitted", {}, 'hostname-denied', 'sethostname'],
    ['something else', {}, 'trial-failed', 'bwrap --unshare-all'],
  ])('bubblewrap says: %s', (said, more, code, hint) => {
    const error = trialFailed(said, { ...facts, ...more });
    expect(error.code).toBe(`sandbox.${code}`);
    expect(error.hint).toContain(hint);
    expect(error.message).toContain(said.replace('bwrap: ', ''));
  });
});

describe('the system call filter', () => {
  const numbers = (path: string) => {
    try {
      const text = readFileSync(path, 'utf8');
      return new Map(
        [...text.matchAll(/#define __NR(?:3264)?_(\w+)\s+(\d+)/g)].map(([, name, number]) => [name, Number(number)]),
      );
    } catch {
      return undefined;
    }
  };
  const headers = {
    x64: numbers('/usr/include/x86_64-linux-gnu/asm/unistd_64.h'),
    arm64: numbers('/usr/include/asm-generic/unistd.h'),
  };

  test.skipIf(headers.x64 === undefined)('has the numbers of the kernel headers', () => {
    for (const [name, number] of Object.entries(x64))
      expect([name, headers.x64?.get(name) ?? number]).toEqual([name, number]);
    for (const [name, number] of Object.entries(arm64)) {
      expect([name, headers.arm64?.get(name) ?? number]).toEqual([name, number]);
    }
    expect(Object.keys(x64).filter((name) => headers.x64?.has(name)).length).toBeGreaterThan(50);
    expect(Object.keys(arm64).filter((name) => headers.arm64?.has(name)).length).toBeGreaterThan(45);
  });

  test('is there for the architectures that Node runs on, and for no other', () => {
    expect(systemCallFilter('x64', { memoryIsCounted: true })?.length).toBeGreaterThan(800);
    expect(systemCallFilter('arm64', { memoryIsCounted: true })?.length).toBeGreaterThan(700);
    expect(systemCallFilter('s390x', { memoryIsCounted: true })).toBeUndefined();
  });

  test('fits what the kernel takes, and leaves shared memory out only where nobody counts it', () => {
    const counted = systemCallFilter('x64', { memoryIsCounted: true })?.length ?? 0;
    const sampled = systemCallFilter('x64', { memoryIsCounted: false })?.length ?? 0;
    expect(sampled - counted).toBe(3 * 2 * 8);
    expect(sampled / 8).toBeLessThan(4096);
  });
});
