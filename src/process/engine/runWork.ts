/** The work of one thread on one run: its steps, its file, its gate, and what each item comes to. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { writeAllSync } from '../../base/durableFile.ts';
import { GatewayError } from '../../base/errors.ts';
import type { ByteSource } from '../../dicom/dataSet/dicomObject.ts';
import type { InstanceStep } from '../step.ts';
import { answerOf } from './failures.ts';
import type { CreateGate, Gate } from './gate.ts';
import type { InputReader } from './inputReader.ts';
import { OpenFiles, RangesSource } from './inputSource.ts';
import { applySteps } from './instanceWork.ts';
import { readOutput } from './outputWork.ts';
import type { RunSetup, WorkAnswer, WorkItem } from './protocol.ts';
import { resultSource } from './resultSource.ts';
import { chunksOf } from './resultWriter.ts';
import { RunFile } from './runFile.ts';
import type { StepsOf } from './stepTable.ts';

export type ThreadParts = {
  /** Name of the thread's file in each run. */
  thread: string;
  reader: InputReader;
  stepsOf: StepsOf;
  createGate: CreateGate | undefined;
};

export class RunWork {
  readonly #parts: ThreadParts;
  readonly #setup: RunSetup;
  readonly #files = new OpenFiles();
  readonly #steps: InstanceStep[];
  #file: RunFile | undefined;
  #gate: Gate | undefined;

  constructor(setup: RunSetup, parts: ThreadParts, before?: RunWork) {
    this.#setup = setup;
    this.#parts = parts;
    this.#file = before?.giveFile();
    this.#steps = parts.stepsOf(setup.application, { scanner: setup.scanner });
  }

  /** Never rejects: what goes wrong is an answer. */
  async do(item: WorkItem): Promise<WorkAnswer> {
    try {
      switch (item.do) {
        case 'steps':
          return await this.#applySteps(item);
        case 'stage':
          return this.#stage(item);
        case 'collect':
          return this.#collect(item);
        case 'check':
          return await this.#check(item);
      }
    } catch (error) {
      return answerOf(error, phases[item.do]);
    }
  }

  /** Brings what was appended into the file, for others to read; returns the answer to everything when that fails. */
  flush(): WorkAnswer | undefined {
    try {
      this.#file?.flush();
      return undefined;
    } catch (error) {
      return answerOf(error, 'writing results');
    }
  }

  close(): void {
    this.#file?.close();
    this.#files.close();
  }

  /** For the same run with another setup: the file goes on. */
  giveFile(): RunFile | undefined {
    const file = this.#file;
    this.#file = undefined;
    this.close();
    return file;
  }

  get #runFile(): RunFile {
    this.#file ??= new RunFile(this.#setup.directory, `${this.#parts.thread}.bin`);
    return this.#file;
  }

  #applySteps({ input }: Extract<WorkItem, { do: 'steps' }>): Promise<WorkAnswer> {
    const source = this.#parts.reader.open(input, this.#files);
    if (source === undefined) {
      const reason = 'its bytes do not have the digest they had when received; run `medusa-gateway spool check`';
      return Promise.resolve({ kind: 'refused', code: 'input.damaged', reason });
    }
    return applySteps({ id: input.id, source }, this.#steps, { setup: this.#setup, file: this.#runFile });
  }

  #stage({ path, result, inputs }: Extract<WorkItem, { do: 'stage' }>): WorkAnswer {
    const source = this.#sourceOf({ result, inputs });
    const fd = openSync(path, 'wx', 0o440);
    try {
      for (const chunk of chunksOf({ source, offset: 0, length: source.size })) writeAllSync(fd, chunk);
    } finally {
      closeSync(fd);
    }
    return { kind: 'done' };
  }

  #collect(item: Extract<WorkItem, { do: 'collect' }>): WorkAnswer {
    // The name was looked at, and the program is gone; a link would be followed all the same without this.
    const fd = openSync(item.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) {
        const hint = 'write files, no links or devices, into the output folder';
        throw new GatewayError('an output of the data part is no file', {
          ...{ code: 'application.output-unusable', operation: 'collect output', hint },
        });
      }
      return readOutput({ fd, size: stat.size, path: item.path }, item, this.#runFile);
    } finally {
      closeSync(fd);
    }
  }

  async #check({ result, inputs, madeBy, original }: Extract<WorkItem, { do: 'check' }>): Promise<WorkAnswer> {
    const { application, identities } = this.#setup;
    this.#gate ??= this.#parts.createGate?.({ application, identities });
    if (this.#gate === undefined) {
      return { kind: 'refused', code: 'gate.absent', reason: 'there is no conformance gate, so nothing may leave' };
    }
    const { kind, name, contentType } = result;
    const source = this.#sourceOf({ result, inputs });
    const received = original && { original: new RangesSource('original', original.ranges, this.#files) };
    const findings = await this.#gate.check({ kind, name, contentType, madeBy, source, ...received });
    if (findings.length === 0) return { kind: 'done' };
    const reasons = [...new Set(findings.map(({ code, reason }) => `${code}: ${reason}`))];
    const more = reasons.length > shown ? `; and ${reasons.length - shown} more` : '';
    return { kind: 'refused', code: 'gate.finding', reason: `${reasons.slice(0, shown).join('; ')}${more}` };
  }

  #sourceOf({ result, inputs }: Pick<Extract<WorkItem, { do: 'check' }>, 'result' | 'inputs'>): ByteSource {
    return resultSource(result, { directory: this.#setup.directory, inputs, files: this.#files });
  }
}

const shown = 5;

const phases: Record<WorkItem['do'], string> = {
  steps: 'reading it',
  stage: 'handing it to the data part',
  collect: 'taking over an output',
  check: 'the conformance gate',
};
