/** One process at a time: two gateways on one spool would overwrite each other's segments. */
import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError, systemCode } from '../base/errors.ts';

/**
 * When a process of this number began, in clock ticks since boot; it tells a reused number from the same process. One that
 * is dead and only waits for its parent to notice (Z, X) holds nothing any more.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}

export class DirectoryLock {
  readonly #path: string;

  /** Throws `spool.locked` when a living process holds it. A lock that a dead process left behind is taken over. */
  constructor(directory: string) {
    this.#path = join(directory, 'lock');
    const mine = `${process.pid} ${startOf(process.pid) ?? ''}`;
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        const fd = openSync(this.#path, 'wx', 0o640);
        writeSync(fd, mine);
        closeSync(fd);
        return;
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
      }
      this.#breakIfStale(directory);
    }
    throw new GatewayError('the lock file cannot be taken', {
      code: 'spool.locked',
      operation: 'open spool',
      subject: directory,
    });
  }

  release(): void {
    unlinkSync(this.#path);
  }

  #breakIfStale(directory: string): void {
    const [pid = '', start = ''] = readFileSync(this.#path, 'latin1').split(' ');
    const holder = Number(pid);
    if (holder > 0 && startOf(holder) !== undefined && startOf(holder) === start) {
      throw new GatewayError(`the spool is in use by process ${holder}`, {
        code: 'spool.locked',
        operation: 'open spool',
        subject: directory,
        hint: 'stop the running gateway first, or give this one another state directory',
      });
    }
    unlinkSync(this.#path);
  }
}
