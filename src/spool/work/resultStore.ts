/**
 * Where runs keep their results: a directory each below the spool's. Invariants: a directory without `.part` is a run that
 * is durable, whole, and will be delivered; it goes only when the index says that everything of it is; a directory with
 * `.part` is nobody's after a start.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statfsSync, statSync } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceFile, syncDirectory } from '../../base/durableFile.ts';
import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { removeTree, removeTreeSync } from '../../base/removeTree.ts';
import type { ResultQueue } from './resultQueue.ts';
import { runError, runFileName, secureContent, sync } from './runContent.ts';
import { decodeRunFile, encodeRunFile, type RunFile } from './runFile.ts';
import { runName } from './runName.ts';
import type { RunRecord, Task } from './workTypes.ts';

const part = '.part';
const namePattern = /^[0-9a-f]{40}$/;

export type ResultStoreOptions = {
  directory: string;
  /** Most bytes that results may take. */
  quota: number;
  /** Bytes that must stay free on the disk. */
  reserve: number;
  results: ResultQueue;
  /** Size of an instance in the spool. */
  sizeOf(instance: number): number | undefined;
  log: Log;
};

export class ResultStore {
  readonly #options: ResultStoreOptions;
  readonly #log: Log;
  /** Bytes of each run that is durable. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;
  /** Durable, and not in the index yet. */
  readonly #versions = new Map<string, readonly number[]>();
  readonly #readers = new Map<string, number>();

  constructor(options: ResultStoreOptions) {
    this.#options = options;
    this.#log = options.log;
    mkdirSync(options.directory, { recursive: true, mode: 0o750 });
    syncDirectory(join(options.directory, '..'));
    for (const entry of readdirSync(options.directory, { withFileTypes: true })) {
      const { name } = entry;
      if (name.endsWith(part)) this.#removeLeft(name);
      else if (namePattern.test(name) && entry.isDirectory()) this.#count(name, bytesBelow(this.#path(name)));
    }
  }

  /** What a program left must not keep the spool from opening: it takes space, and is nobody's. */
  #removeLeft(name: string): void {
    try {
      removeTreeSync(this.#path(name));
    } catch (error) {
      const message = `what is left of a run that was not finished cannot be removed: ${describeError(error)}; it is tried again at the next start`;
      const hint = 'nothing depends on it: remove the folder by hand if it stays';
      this.#log.error('work.leftover', message, { directory: this.#path(name), hint });
    }
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }

  #count(name: string, bytes: number): void {
    this.#bytes += bytes - (this.#sizes.get(name) ?? 0);
    this.#sizes.set(name, bytes);
  }

  /** Bytes of runs that are durable. */
  get bytesInUse(): number {
    return this.#bytes;
  }

  /** Why no run should be begun now, or undefined. */
  get refusal(): string | undefined {
    const { quota, directory, reserve } = this.#options;
    if (this.#bytes >= quota) return `results take ${this.#bytes} bytes, their quota is ${quota} (spool.resultsQuota)`;
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < reserve ? 'disk full: less than spool.reserve is free' : undefined;
  }

  /** A fresh directory for the files of a task's run. What an earlier attempt left is gone. */
  async begin(task: Task): Promise<{ directory: string }> {
    const directory = this.#path(runName(task) + part);
    await removeTree(directory);
    await mkdir(directory, { mode: 0o750 });
    return { directory };
  }

  /**
   * Makes a run durable: its files, its record, its directory, in this order. From then on it will be delivered, also when
   * the process ends before the index has heard of it. Throws `work.bad-run` when the record and the files do not fit, and
   * what the disk says; the directory is then still the caller's to `discard`.
   */
  async commit(directory: string, record: RunRecord): Promise<void> {
    const name = runName(record);
    if (basename(directory) !== name + part) throw runError('the directory is of another task', record.study);
    const bytes = await secureContent(directory, record, this.#options.sizeOf);
    const versions = this.#options.results.reserve(record);
    try {
      const text = encodeRunFile({ record, versions });
      await replaceFile(join(directory, runFileName), text);
      await removeTree(this.#path(name)); // set aside by an operator's retry, never in use
      await rename(directory, this.#path(name));
      this.#versions.set(name, versions);
      this.#count(name, bytes + Buffer.byteLength(text));
      await sync(this.#options.directory);
    } catch (error) {
      if (!this.#versions.has(name)) this.#options.results.forget(record, versions);
      throw error;
    }
  }

  /** Gives up what `begin` made. */
  async discard(directory: string): Promise<void> {
    if (!directory.endsWith(part)) return;
    await removeTree(directory);
  }

  /** Versions of the keys of a run that is durable and not yet in the index. */
  versionsOf(name: string): readonly number[] | undefined {
    return this.#versions.get(name);
  }

  entered(name: string): void {
    this.#versions.delete(name);
  }

  /** Names of the runs on disk. */
  get names(): string[] {
    return [...this.#sizes.keys()];
  }

  /** What a run on disk says of itself. One that is damaged is set aside, and undefined. */
  read(name: string): RunFile | undefined {
    try {
      const file = decodeRunFile(readFileSync(join(this.#path(name), runFileName), 'utf8'));
      if (file !== undefined && runName(file.record) === name) return file;
      this.#setAside(name, 'its record is not what was written');
    } catch (error) {
      this.#setAside(name, describeError(error));
    }
    return undefined;
  }

  #setAside(name: string, why: string): void {
    const message = `a run of a split application cannot be read (${why}); it is set aside, and its task runs again`;
    const aside = `${this.#path(name)}.damaged-${Date.now()}`;
    this.#log.error('work.run-damaged', message, { setAside: aside });
    renameSync(this.#path(name), aside);
    this.#forget(name);
  }

  #forget(name: string): void {
    this.#bytes -= this.#sizes.get(name) ?? 0;
    this.#sizes.delete(name);
    this.#versions.delete(name);
  }

  /** Path of a file of a run. */
  pathOf(name: string, file: string): string {
    return join(this.#path(name), file);
  }

  /** Keeps a run from being removed until the function that it returns is called. */
  hold(name: string): () => void {
    this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
    return () => void this.#readers.set(name, (this.#readers.get(name) ?? 1) - 1);
  }

  isHeld(name: string): boolean {
    return (this.#readers.get(name) ?? 0) > 0;
  }

  /** The index knows that the task of this run is over without it. */
  removeNow(name: string): void {
    removeTreeSync(this.#path(name));
    this.#forget(name);
  }

  /** Removes the files of a run, and its record unless that is to be kept. The index has let go of it before. */
  async remove(name: string, options: { keepRecord: boolean }): Promise<void> {
    const path = this.#path(name);
    if (!options.keepRecord) {
      await removeTree(path);
      return this.#forget(name);
    }
    if (!existsSync(path)) return this.#forget(name);
    for (const entry of readdirSync(path)) {
      if (entry !== runFileName) await removeTree(join(path, entry));
    }
    this.#count(name, (await stat(join(path, runFileName))).size);
  }
}

function bytesBelow(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
