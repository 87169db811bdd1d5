/** One process at a time: two gateways on one spool would overwrite each other's segments. */
import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError, systemCode } from '../base/errors.ts';
import { processStart } from '../base/processStart.ts';

export class DirectoryLock {
  readonly #path: string;

  /** Throws `spool.locked` when a living process holds it. A lock that a dead process left behind is taken over. */
  constructor(directory: string) {
    this.#path = join(directory, 'lock');
    const mine = `${process.pid} ${processStart(process.pid) ?? ''}`;
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
    if (holder > 0 && processStart(holder) !== undefined && processStart(holder) === start) {
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
