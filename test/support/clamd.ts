/** A real clamd of the test's own: own configuration, own signatures, socket and log in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingPackages } from './debianPackages.ts';

/** A reason to skip, or undefined. */
export const clamdMissing = missingPackages([{ program: 'clamd', package: 'clamav-daemon' }]);

/**
 * The EICAR test string, harmless, and known to every scanner. In two parts, so that no scanner finds it in this project.
 */
export const eicar = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
  'latin1',
);

export class Clamd {
  readonly folder = mkdtempSync(join(tmpdir(), 'medusa-clamd-'));
  readonly socket = join(this.folder, 'clamd.sock');
  readonly #settings: string;
  #child: ChildProcess | undefined;

  /** `settings`: further lines of clamd.conf. */
  constructor(settings = '') {
    this.#settings = settings;
    mkdirSync(join(this.folder, 'db'));
    // Name, any type, any offset, bytes in hexadecimal: wherever it stands in the stream.
    writeFileSync(join(this.folder, 'db', 'test.ndb'), `Medusa.Test.Eicar:0:*:${eicar.toString('hex')}\n`);
    chmodSync(this.folder, 0o755);
  }

  async start(): Promise<this> {
    const config = join(this.folder, 'clamd.conf');
    writeFileSync(
      config,
      `DatabaseDirectory ${join(this.folder, 'db')}
LocalSocket ${this.socket}
TemporaryDirectory ${this.folder}
Foreground yes
OfficialDatabaseOnly no
User root
FixStaleSocket yes
${this.#settings}
`.replace('User root\n', process.geteuid?.() === 0 ? 'User root\n' : ''),
    );
    const log = openSync(join(this.folder, 'log'), 'a');
    this.#child = spawn('clamd', ['--config-file', config], {
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    const deadline = Date.now() + 30_000;
    while (!(await this.#answers())) {
      if (Date.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`clamd did not start: ${readFileSync(join(this.folder, 'log'), 'utf8')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this;
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.socket);
      socket.on('connect', () => socket.write('zPING\0'));
      socket.on('data', (data) => {
        socket.destroy();
        resolve(data.toString().startsWith('PONG'));
      });
      socket.on('error', () => resolve(false));
      socket.setTimeout(1000, () => {
        socket.destroy();
        resolve(false);
      });
    });
  }

  /** SIGSTOP and SIGCONT: it is there and says nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
