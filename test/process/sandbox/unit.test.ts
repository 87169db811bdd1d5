/**
 * The sandbox under the directives of systemd/medusa-gateway.service, as they are shipped, in a real Debian with a real systemd and its
 * control groups; and what is said when a directive or a setting of the kernel takes the sandbox away.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { noMachine, runInMachine } from '../../support/debianMachine.ts';

const skip = noMachine();

/** Only what is run is another: everything else is the unit as it is. */
const dropIn = (more: string) => `cat > /run/systemd/system/medusa-gateway.service.d/test.conf <<'END'
[Unit]
After=
[Service]
Type=oneshot
Restart=no
ExecStart=
ExecStart=/opt/medusa/node_modules/node/bin/node /opt/medusa/test/process/sandbox/inUnit.ts
StandardOutput=journal+console
StandardError=journal+console
${more}
END
systemctl daemon-reload; systemctl start medusa-gateway.service`;

const script = `mkdir -p /run/systemd/system/medusa-gateway.service.d
cp /opt/medusa/systemd/medusa-gateway.service /run/systemd/system/
systemd-analyze verify /run/systemd/system/medusa-gateway.service 2>&1 | grep -v 'not executable' | sed 's/^/verify /'
${dropIn('')}
systemd-analyze security --no-pager medusa-gateway.service | tail -1
${dropIn('Environment=ONLY_OPEN=1\nRestrictNamespaces=yes')}
${dropIn('Environment=ONLY_OPEN=1\nRestrictAddressFamilies=~AF_NETLINK')}
echo 0 > /proc/sys/kernel/unprivileged_userns_clone
${dropIn('Environment=ONLY_OPEN=1')}
echo machine done`;

type Line = {
  enforcement?: object;
  unavailable?: string;
  hint?: string;
  name?: string;
  cause?: string;
  kind?: string;
  left?: string[];
  figures?: { cpuSeconds: number; peakMemoryBytes: number };
  group?: string;
  groups?: string[];
};

describe.skipIf(skip !== undefined)(`sandbox under the systemd unit ${skip ?? ''}`, () => {
  let said = '';
  let lines: Line[] = [];
  beforeAll(async () => {
    said = await runInMachine(script, ['zod', 'pino'], 580_000);
    lines = [...said.matchAll(/unit (\{.*\})\r?$/gm)].map(([, json]) => JSON.parse(json ?? '') as Line);
    if (!said.includes('machine done')) throw new Error(`the machine did not come to its end:\n${said.slice(-4000)}`);
  }, 1_500_000);

  const one = (name: string) => lines.find((line) => line.name === name);

  test('control groups hold the limits, and the user is not root', () => {
    const held = { memory: 'cgroup', cpu: 'cgroup', processes: 'cgroup' };
    expect(lines[0]?.enforcement, said.slice(-3000)).toMatchObject(held);
    expect(lines[0]?.enforcement).not.toMatchObject({ uid: 0 });
    expect(lines.find((line) => line.group !== undefined)).toMatchObject({
      group: expect.stringMatching(/medusa-gateway\.service\/gateway$/),
      groups: [],
    });
  });

  test('a program does its work', () => {
    expect(one('works')).toMatchObject({ kind: 'finished', left: ['copy.bin', 'result.json'] });
  });

  test.each([
    ['memory', 'memory'],
    ['shared memory', 'memory'],
    ['processes', 'processes'],
    ['wall', 'wall-time'],
    // Status 9: it found neither secrets nor control groups, and is not root.
    ['walls', 'exit'],
  ])('%s is ended for %s', (name, cause) => {
    expect(one(name)).toMatchObject({ kind: 'failed', cause, left: [] });
  });

  test('the share of the processors is kept by the kernel', () => {
    // 0.2 of a processor for 5 s.
    expect(one('wall')?.figures?.cpuSeconds).toBeLessThan(2);
  });

  test('a directive or a setting that takes the sandbox away is named, with what to do', () => {
    const refusals = lines.filter((line) => line.unavailable !== undefined);
    expect(refusals).toMatchObject([
      { unavailable: 'sandbox.namespaces-denied', hint: expect.stringContaining('RestrictNamespaces=') },
      { unavailable: 'sandbox.netlink-denied', hint: expect.stringContaining('AF_NETLINK') },
      { unavailable: 'sandbox.namespaces-denied', hint: expect.stringContaining('unprivileged_userns_clone=1') },
    ]);
  });

  test('systemd understands every directive', () => {
    expect(said).not.toMatch(/Unknown (key|section|system call)/i);
  });
});
