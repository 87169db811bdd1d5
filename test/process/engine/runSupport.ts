/** A run of the engine over synthetic slices in files, without spool and gateway. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLog } from '../../../src/base/log.ts';
import type { Application } from '../../../src/process/application.ts';
import { readResult } from '../../../src/process/engine/resultSource.ts';
import { type RunParts, runApplication } from '../../../src/process/engine/runApplication.ts';
import type { RunInput, RunRequest } from '../../../src/process/engine/runTypes.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../../src/process/engine/workerPool.ts';
import type { ResultRecord } from '../../../src/spool/work/workTypes.ts';
import { ctStudy, type SyntheticInstance } from '../../../synthetic/index.ts';

export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
export const testStepsModule = new URL('./testSteps.ts', import.meta.url).href;
export const testGateModule = new URL('./testGate.ts', import.meta.url).href;

export function application(change: Partial<Application> = {}): Application {
  return {
    name: 'test-app',
    version: '1.0.0',
    description: 'strip',
    directory: '/nonexistent',
    digest: '0'.repeat(64),
    scope: 'study',
    select: {},
    steps: [],
    command: undefined,
    limits: { memory: 2 ** 28, cpu: 1, wall: 30_000, output: 2 ** 24, processes: 16 },
    promisedRatio: undefined,
    scannerDown: 'wait',
    cloudPart: undefined,
    deliver: 'instances',
    termination: { onFailure: 'quarantine', onInstanceFailure: 'continue' },
    ...change,
  };
}

export class RunBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'medusa-engine-'));
  readonly log = createMemoryLog();
  readonly pool: WorkerPool;
  #runs = 0;
  inputs: RunInput[] = [];

  constructor(options: Partial<WorkerPoolOptions> = {}) {
    this.pool = new WorkerPool({
      ...{ workers: 1, memoryPerInstance: 2 ** 27, wallPerInstance: 20_000, log: this.log.log },
      stepsModule: testStepsModule,
      ...options,
    });
  }

  /** All slices in one file, one behind the other, each in two ranges: as in a segment of the spool. */
  slices(count: number, options: { rows?: number; seed?: number } = {}): SyntheticInstance[] {
    const { rows = 64, seed = 1 } = options;
    const instances = [...ctStudy({ slices: count, rows, columns: rows, seed })];
    const path = join(this.folder, `segment-${seed}-${count}.seg`);
    let offset = 0;
    const parts: Buffer[] = [];
    for (const [at, instance] of instances.entries()) {
      const bytes = instance.part10();
      const first = Math.min(1000, bytes.length);
      this.inputs.push({
        id: at + 1 + (seed - 1) * 1000,
        ranges: [
          { path, offset, length: first },
          { path, offset: offset + first, length: bytes.length - first },
        ],
        size: bytes.length,
        sha256: sha256(bytes),
        sopInstanceUid: instance.sopInstanceUid,
      });
      parts.push(bytes);
      offset += bytes.length;
    }
    writeFileSync(path, Buffer.concat(parts));
    return instances;
  }

  request(change: Partial<Application> = {}, more: Partial<RunRequest> = {}): RunRequest {
    this.#runs += 1;
    const directory = join(this.folder, `run-${this.#runs}`);
    mkdirSync(directory);
    const app = application(change);
    return {
      application: app,
      subject: {
        ...{ route: 'r', scope: app.scope, unit: '1.2.3', study: '1.2.3', store: 's', priority: 0, revision: 1 },
      },
      inputs: this.inputs,
      keys: { uid: Buffer.alloc(32, 1), dateShift: Buffer.alloc(32, 2), pseudonym: Buffer.alloc(32, 3) },
      directory,
      ...more,
    };
  }

  run(request: RunRequest, parts: Partial<RunParts> = {}) {
    return runApplication(request, {
      ...{ pool: this.pool, sandbox: undefined, scanner: undefined, now: () => Date.now() },
      ...parts,
    });
  }

  bytesOf(result: ResultRecord, { directory, inputs }: RunRequest): Buffer {
    return Buffer.concat([...readResult(result, { directory, inputs })]);
  }

  async close(): Promise<void> {
    await this.pool.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
