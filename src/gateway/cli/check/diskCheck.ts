/** The state directory: can it be written, is there room, and is the file system one that keeps its promises. */
import { mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileDurably } from '../../../base/durableFile.ts';
import { describeError, systemCode } from '../../../base/errors.ts';
import { formatSize } from '../../../web/format.ts';
import type { Configuration } from '../../config/configuration.ts';
import { type CheckResult, fail, ok, warn } from './result.ts';

type FileSystemKind = { name: string; trouble?: 'volatile' | 'network' };

/** statfs(2): f_type of the file systems that one meets. */
const fileSystems: Record<number, FileSystemKind> = {
  61267: { name: 'ext4' }, // 0xEF53
  1481003842: { name: 'XFS' }, // 0x58465342
  2435016766: { name: 'Btrfs' }, // 0x9123683E
  801189825: { name: 'ZFS' }, // 0x2FC12FC1
  2035054128: { name: 'overlay' }, // 0x794C7630
  16914836: { name: 'tmpfs', trouble: 'volatile' }, // 0x01021994
  2240043254: { name: 'ramfs', trouble: 'volatile' }, // 0x858458F6
  26985: { name: 'NFS', trouble: 'network' }, // 0x6969
  4283649346: { name: 'CIFS', trouble: 'network' }, // 0xFF534D42
  4266872130: { name: 'SMB', trouble: 'network' }, // 0xFE534D42
  16914839: { name: '9p', trouble: 'network' }, // 0x01021997
  1702057286: { name: 'FUSE' }, // 0x65735546
};

export function fileSystemKind(type: number): FileSystemKind {
  return fileSystems[type >>> 0] ?? { name: `file system 0x${(type >>> 0).toString(16)}` };
}

/** The path itself, or the nearest one above it that exists. */
export function existing(path: string): string {
  let at = path;
  while (!statSync(at, { throwIfNoEntry: false }) && dirname(at) !== at) at = dirname(at);
  return at;
}

/** Bytes on disk of all that is in a folder; what vanishes meanwhile counts nothing. */
function usedBytes(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.blocks * 512;
  return readdirSync(path).reduce((sum, name) => sum + usedBytes(join(path, name)), 0);
}

/** Writes, syncs and removes a file in `folder`, which stands for `path` when that does not exist yet. */
export function checkWritable(subject: string, path: string, folder: string): CheckResult {
  try {
    if (!statSync(folder).isDirectory()) return fail(subject, `${folder} is no folder`, 'move the file away');
    const trial = mkdtempSync(join(folder, '.check-'));
    try {
      writeFileDurably(join(trial, 'trial'), 'a line that is written, synced and removed\n');
    } finally {
      rmSync(trial, { recursive: true, force: true });
    }
    return ok(subject, folder === path ? `${path} can be written` : `${path} does not exist yet and can be made`);
  } catch (error) {
    const hint =
      systemCode(error) === 'EACCES' ? 'run this as the user of the gateway, or give it the folder (chown)' : undefined;
    return fail(subject, `${folder} cannot be written: ${describeError(error)}`, hint);
  }
}

function checkSpace(subject: string, path: string, folder: string, quota: number): CheckResult {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const still = Math.max(0, quota - usedBytes(path));
  const figures = `${formatSize(free)} free, the spool may take ${formatSize(still)} more`;
  if (free >= still) return ok(subject, figures);
  return warn(
    subject,
    figures,
    'free space or lower spool.quota: when the disk is full senders are refused before the quota',
  );
}

function checkKind(subject: string, folder: string): CheckResult {
  const { name, trouble } = fileSystemKind(statfsSync(folder).type);
  if (trouble === 'network') {
    return fail(
      subject,
      `${name} is a network file system: locks and syncs do not hold there`,
      'put stateDirectory on a local disk',
    );
  }
  if (trouble === 'volatile') {
    return warn(subject, `${name} is memory: a power cut loses what was acknowledged`, 'put stateDirectory on a disk');
  }
  return ok(subject, `${name}, a local file system`);
}

export function checkDisk({ stateDirectory, spool }: Configuration): CheckResult[] {
  const subject = 'stateDirectory';
  const folder = existing(stateDirectory);
  const writable = checkWritable(subject, stateDirectory, folder);
  try {
    return [writable, checkSpace(subject, stateDirectory, folder, spool.quota), checkKind(subject, folder)];
  } catch (error) {
    return [writable, warn(subject, `its size cannot be found out: ${describeError(error)}`)];
  }
}
