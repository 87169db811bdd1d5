/** Files of DICOM objects as the inputs of a run, put together into instances, series or studies. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { describeError } from '../../base/errors.ts';
import { IdentifyingTagScanner } from '../../dicom/dataSet/identifyingTags.ts';
import { findFiles } from '../../dicom/scu/findFiles.ts';
import { describeObjectFile, type ObjectFile } from '../../dicom/scu/objectFile.ts';
import type { Scope } from '../../process/application.ts';
import type { RunInput } from '../../process/engine/runTypes.ts';

export type FileUnit = {
  /** UID of the study, series or instance. */
  unit: string;
  study: string;
  inputs: RunInput[];
  /** File of each input, by its id. */
  files: Map<number, string>;
};

export type FoundUnits = { units: FileUnit[]; passedOver: Array<{ file: string; reason: string }> };

/** The identifying elements lie at the beginning of a data set. */
const headBytes = 256 * 1024;

async function identify({ path, offset, length, transferSyntaxUid }: ObjectFile) {
  const handle = await open(path, 'r');
  try {
    const head = Buffer.alloc(Math.min(length, headBytes));
    const { bytesRead } = await handle.read(head, 0, head.length, offset);
    const scanner = new IdentifyingTagScanner(transferSyntaxUid);
    scanner.push(head.subarray(0, bytesRead));
    return scanner.end();
  } finally {
    await handle.close();
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Throws `scu.no-such-file` for a path that does not exist; what is no object is passed over, with a reason. */
export async function unitsIn(paths: readonly string[], scope: Scope): Promise<FoundUnits> {
  const units = new Map<string, FileUnit>();
  const passedOver: FoundUnits['passedOver'] = [];
  let id = 0;
  for await (const file of findFiles(paths)) {
    try {
      const object = await describeObjectFile(file);
      const { studyInstanceUid: study = '', seriesInstanceUid: series = '' } = await identify(object);
      const unit = { study, series, instance: object.sopInstanceUid }[scope];
      const key = unit === '' ? 'without a UID' : unit;
      const group: FileUnit = units.get(key) ?? { unit: key, study, inputs: [], files: new Map() };
      units.set(key, group);
      id += 1;
      const size = object.offset + object.length;
      const ranges = [{ path: file, offset: 0, length: size }];
      group.inputs.push({ id, ranges, size, sha256: await digestOf(file), sopInstanceUid: object.sopInstanceUid });
      group.files.set(id, file);
    } catch (error) {
      passedOver.push({ file, reason: describeError(error) });
    }
  }
  return { units: [...units.values()], passedOver };
}
