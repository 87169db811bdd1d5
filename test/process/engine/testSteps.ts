/**
 * Steps for tests of the engine, in place of the real table: the words of an application's description say which. `WORD=UID`
 * concerns one instance only.
 */
import { type DicomObject, element } from '../../../src/dicom/dataSet/dicomObject.ts';
import { makeElement } from '../../../src/dicom/dataSet/elements.ts';
import type { StepsOf } from '../../../src/process/engine/stepTable.ts';
import type { InstanceStep, StepContext, StepOutcome } from '../../../src/process/step.ts';

type Act = (object: DicomObject, context: StepContext) => StepOutcome | Promise<StepOutcome>;

const pass = (object: DicomObject, name: string): StepOutcome => ({
  kind: 'pass',
  object,
  applied: { name, version: '1', detail: '' },
});

const institutionName = 0x00080080;

const acts: Record<string, Act> = {
  /** A header edit: Institution Name goes. */
  strip: (object) => {
    const elements = object.dataSet.elements.filter(({ tag }) => tag !== institutionName);
    return pass({ ...object, dataSet: { elements } }, 'strip');
  },
  file: (object, context) => ({
    ...pass(object, 'file'),
    files: [{ name: `texts/${context.fileStem(object)}.txt`, contentType: 'text/plain', bytes: Buffer.from('hello') }],
  }),
  /** The value that the identities name, in a file beside the instance. */
  plant: (object) => ({
    ...pass(object, 'plant'),
    files: [{ name: 'planted.txt', contentType: 'text/plain', bytes: Buffer.from('for TESTNAME') }],
  }),
  /** The value that the identities name, in the instance itself. */
  taint: (object) => {
    const elements = object.dataSet.elements.filter(({ tag }) => tag !== institutionName);
    const tainted = [...elements, makeElement(institutionName, 'LO', 'TESTNAME')].sort((a, b) => a.tag - b.tag);
    return pass({ ...object, dataSet: { elements: tainted } }, 'taint');
  },
  /** Pixel data of its own, put aside. */
  aside: (object, context) => {
    const pixels = element(object.dataSet, 0x7fe00010);
    if (pixels?.value.kind !== 'bytes') return { kind: 'refused', code: 'test.no-pixels', reason: 'none' };
    const bytes = context.scratch.append(Buffer.alloc(pixels.value.bytes.length, 7));
    const elements = object.dataSet.elements.map((one) =>
      one === pixels ? { ...one, value: { kind: 'bytes' as const, bytes } } : one,
    );
    return pass({ ...object, dataSet: { elements } }, 'aside');
  },
  identity: (object) => ({
    ...pass(object, 'deidentify'),
    identity: {
      patient: { pseudonym: 'p', patientId: 'id', issuer: '', patientName: 'name', birthDate: '', sex: '' },
      dateShiftDays: 0,
      uids: [],
      values: ['TESTNAME'],
    },
  }),
  refuse: () => ({ kind: 'refused', code: 'test.refused', reason: 'as asked for' }),
  leave: () => ({ kind: 'not-selected', reason: 'as asked for' }),
  throw: () => {
    throw new TypeError('SECRET^VALUE');
  },
  hang: () => {
    for (;;);
  },
  exit: () => process.exit(3),
  memory: (object) => {
    const kept: unknown[] = [];
    for (let i = 0; ; i++) kept.push(new Array(1e5).fill(i), object);
  },
};

export const stepsOf: StepsOf = ({ description }) =>
  description
    .split(' ')
    .filter((word) => word !== '')
    .map((word): InstanceStep => {
      const [name = '', uid] = word.split('=');
      const act = acts[name];
      if (act === undefined) throw new Error(`no test step ${name}`);
      const apply: Act = (object, context) =>
        uid === undefined || object.meta.sopInstanceUid === uid ? act(object, context) : pass(object, name);
      return { name, version: '1', apply };
    });
