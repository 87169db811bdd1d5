/** The built-in steps over one instance, and the results that it makes. */

import { type ByteSource, bytesIn, type DicomObject, element } from '../../dicom/dataSet/dicomObject.ts';
import { encodePart10 } from '../../dicom/dataSet/encodePart10.ts';
import { parsePart10 } from '../../dicom/dataSet/parsePart10.ts';
import { isUid } from '../../dicom/uids.ts';
import type { ResultRecord } from '../../spool/work/workTypes.ts';
import type { AppliedStep, DeidentificationKeys, Identity, InstanceStep, StepContext, StepFile } from '../step.ts';
import { answerOf } from './failures.ts';
import type { About, RunSetup, WorkAnswer } from './protocol.ts';
import { writeResult } from './resultWriter.ts';
import type { RunFile } from './runFile.ts';

export type InstanceSource = { id: number; source: ByteSource };
type Place = { setup: RunSetup; file: RunFile };

/** Never given to anybody: a run of an application that de-identifies without keys is refused before. */
const noKeys: DeidentificationKeys = { uid: Buffer.alloc(0), dateShift: Buffer.alloc(0), pseudonym: Buffer.alloc(0) };

export async function applySteps(input: InstanceSource, steps: InstanceStep[], place: Place): Promise<WorkAnswer> {
  const { setup, file } = place;
  const context: StepContext = {
    keys: setup.keys ?? noKeys,
    scratch: { append: (bytes) => file.putAside(bytes) },
    memoryLimit: setup.memoryPerInstance,
    fileStem: (object) => uidOf(object, sopInstance) || object.meta.sopInstanceUid,
  };
  let object = parsePart10(input.source, { maxBytesInMemory: Math.floor(setup.memoryPerInstance / 4) });
  const applied: AppliedStep[] = [];
  const files: StepFile[] = [];
  let identity: Identity | undefined;
  for (const step of steps) {
    try {
      const outcome = await step.apply(object, context);
      if (outcome.kind !== 'pass') return outcome;
      object = outcome.object;
      applied.push(outcome.applied);
      files.push(...(outcome.files ?? []));
      identity = outcome.identity ?? identity;
    } catch (error) {
      return answerOf(error, `step ${step.name}`);
    }
  }
  const results = files.map((one) => fileResult(one, input.id, file));
  if (setup.wantsInstances) {
    const instance = instanceResult(object, input, file);
    if ('refused' in instance) return { kind: 'refused', code: 'instance.no-uid', reason: instance.refused };
    results.unshift(instance);
  }
  return { kind: 'passed', results, about: aboutOf(object), applied, identity };
}

const sopClass = 0x00080016;
const sopInstance = 0x00080018;
const studyInstance = 0x0020000d;
const seriesInstance = 0x0020000e;

function aboutOf(object: DicomObject): About {
  const modality = textOf(object, 0x00080060);
  return {
    study: uidOf(object, studyInstance),
    series: uidOf(object, seriesInstance),
    instance: uidOf(object, sopInstance),
    modality: /^[A-Z0-9_]{1,16}$/.test(modality) ? modality : '',
  };
}

/** '' when it is absent or no UID. */
export function uidOf(object: DicomObject, tag: number): string {
  const text = textOf(object, tag);
  return isUid(text) ? text : '';
}

/** Of a short text in the default repertoire, without its padding. */
function textOf({ dataSet }: DicomObject, tag: number): string {
  const value = element(dataSet, tag)?.value;
  if (value?.kind !== 'bytes' || value.bytes.length > 66) return '';
  return bytesIn(value.bytes)
    .toString('latin1')
    .replace(/[\0 ]+$/, '');
}

/** The UIDs under which an object is delivered; `refused` says which is missing. */
export function identifiers(object: DicomObject) {
  const sopInstanceUid = uidOf(object, sopInstance);
  const sopClassUid = uidOf(object, sopClass) || object.meta.sopClassUid;
  if (sopInstanceUid === '') return { refused: 'it has no SOP Instance UID (0008,0018) to be delivered under' };
  if (!isUid(sopClassUid)) return { refused: 'it has no SOP Class UID (0008,0016)' };
  const seriesInstanceUid = uidOf(object, seriesInstance);
  return {
    sopInstanceUid,
    sopClassUid,
    ...(seriesInstanceUid === '' ? {} : { seriesInstanceUid }),
    transferSyntaxUid: object.meta.transferSyntaxUid,
  };
}

function instanceResult(object: DicomObject, input: InstanceSource, file: RunFile): ResultRecord | { refused: string } {
  const uids = identifiers(object);
  if ('refused' in uids) return { refused: uids.refused ?? '' };
  const written = writeResult(encodePart10(object).pieces, file, input);
  return { kind: 'instance', name: '', ...uids, contentType: 'application/dicom', ...written, from: [input.id] };
}

function fileResult({ name, contentType, bytes }: StepFile, id: number, file: RunFile): ResultRecord {
  return { kind: 'file', name, contentType, ...writeResult([bytes], file), from: [id] };
}
