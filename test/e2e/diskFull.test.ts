import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ctStudy } from '../../synthetic/index.ts';
import { createSite, type Site, storeOf, until } from './site.ts';

const mount = (...args: string[]) => spawnSync('mount', args, { encoding: 'utf8' });
const canMount = process.getuid?.() === 0;
if (!canMount) console.warn('skipped: a full disk: it needs root to mount a small file system');

describe.skipIf(!canMount)('a disk that is full', () => {
  const disk = mkdtempSync(join(tmpdir(), 'medusa-disk-'));
  let site: Site;

  beforeAll(() => {
    const { status, stderr } = mount('-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk);
    if (status !== 0) throw new Error(`mount: ${stderr}`);
    site = createSite(
      `spool: { segmentSize: 8MiB, quota: 1GiB, preallocate: 1, reserve: 6MiB, keepDelivered: 0s }
study: { quietSeconds: 1 }
stores: [{ name: later, type: directory, path: ./later/objects }]
delivery: { retry: { initial: 200ms, cap: 1s } }
routes: [{ name: all, store: later }]
`,
      { stateDirectory: join(disk, 'state') },
    );
    // A file is where the store's folder should be: nothing can be delivered at first, so nothing can be reclaimed.
    writeFileSync(join(site.directory, 'later'), '');
  });
  afterAll(async () => {
    await site?.remove();
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  test('refuses with A700, loses nothing, and goes on when there is space again', async () => {
    const gateway = await site.start();
    const first = await site.send(site.write('first', ctStudy({ slices: 120, seed: 1 })));
    expect(first.acknowledged).toBeGreaterThan(20);
    expect(first.failed.length).toBeGreaterThan(20);
    expect(first.failed[0]?.reason).toMatch(/A700|out of resources|congestion/i);
    const full = await gateway.status();
    expect(full.spool.refusing).toBe(true);
    expect(full.warnings.map((warning) => warning.code)).toContain('spool.refusing');
    expect(site.log()).toMatch(/disk full/);

    // It is killed while the disk is full, and has everything that it acknowledged when it is back.
    await gateway.kill();
    const again = await site.start();
    const restarted = await again.status();
    expect(restarted.spool.instances.routed).toBe(first.acknowledged);

    rmSync(join(site.directory, 'later'));
    await until(again, (status) => storeOf(status, 'later').delivered === first.acknowledged, 'delivered what it had');
    await until(again, (status) => !status.spool.refusing, 'ready for more');
    const second = await site.send(join(site.directory, 'first'));
    expect(second.acknowledged, 'the rest, and duplicates of what it has').toBeGreaterThan(20);
    await until(again, (status) => storeOf(status, 'later').queued === 0, 'delivered the rest');
    const third = await site.send(join(site.directory, 'first'));
    await until(again, (status) => storeOf(status, 'later').queued === 0, 'delivered all');
    expect(new Set([first, second, third].map((report) => report.sent)).size).toBe(1);
    const stored = site.stored('later');
    expect(new Set(stored).size).toBe(stored.length);
    expect((await again.status()).receipts.count).toBe(stored.length);
    expect(stored.length).toBeGreaterThanOrEqual(first.acknowledged);
  });
});
