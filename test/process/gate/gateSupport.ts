/** The step and the gate, as the engine uses them. */
import { BufferSource } from '../../../src/dicom/dataSet/byteSources.ts';
import { parsePart10 } from '../../../src/dicom/dataSet/parsePart10.ts';
import type { Application, BurnedInRule, DeidentifyOption } from '../../../src/process/application.ts';
import type { GateFinding, Leaving } from '../../../src/process/engine/gate.ts';
import { createGate } from '../../../src/process/gate/conformanceGate.ts';
import { deriveSiteKeys } from '../../../src/process/identity/siteKeys.ts';
import type { Identity, StepContext, StepOutcome } from '../../../src/process/step.ts';
import { createDeidentify, type DeidentifySettings } from '../../../src/process/steps/deidentify.ts';

export const stepContext: StepContext = {
  keys: deriveSiteKeys(Buffer.alloc(32, 7)).deidentification,
  scratch: { append: (bytes) => bytes },
  memoryLimit: 256 * 1024 * 1024,
  fileStem: () => 'file',
};

export type Asked = { options: DeidentifyOption[]; burnedIn?: BurnedInRule[] };

const settingsOf = ({ options, burnedIn = [] }: Asked): DeidentifySettings => ({
  step: 'deidentify',
  profile: 'basic',
  options,
  burnedIn,
  safePrivate: [],
});

export async function stepOutcome(bytes: Buffer, asked: Asked): Promise<StepOutcome> {
  return createDeidentify(settingsOf(asked)).apply(parsePart10(new BufferSource('input', bytes)), stepContext);
}

type AskedOfGate = Asked & { identities: Identity[]; madeBy?: Leaving['madeBy'] };

export const gateFor = ({ identities, ...asked }: AskedOfGate) =>
  createGate({ application: { steps: [settingsOf(asked)] } as unknown as Application, identities });

/** Of a DICOM object. */
export function gateFindings(bytes: Buffer, asked: AskedOfGate & { original?: Buffer }): GateFinding[] {
  const { madeBy = 'steps', original } = asked;
  const source = new BufferSource('result', bytes);
  const leaving: Leaving = {
    ...{ kind: 'instance', name: '', contentType: 'application/dicom', madeBy, source },
    ...(original && { original: new BufferSource('original', original) }),
  };
  return gateFor(asked).check(leaving) as GateFinding[];
}

/** Of any other file. */
export function fileFindings(
  name: string,
  bytes: Buffer,
  identities: Identity[],
  options: DeidentifyOption[] = [],
): GateFinding[] {
  const source = new BufferSource('result', bytes);
  const leaving: Leaving = { kind: 'file', name, contentType: 'application/octet-stream', madeBy: 'data-part', source };
  return gateFor({ options, identities }).check(leaving) as GateFinding[];
}

/** An identity that was made by hand. */
export const identityWith = (values: string[], more: Partial<Identity> = {}): Identity => ({
  patient: { pseudonym: '', patientId: '', issuer: '', patientName: '', birthDate: '', sex: '' },
  dateShiftDays: 0,
  uids: [],
  values,
  ...more,
});

/** DICOM JSON of the steps. */
export function jsonFindings(bytes: Buffer, asked: AskedOfGate): GateFinding[] {
  const source = new BufferSource('result', bytes);
  const { madeBy = 'steps' } = asked;
  const leaving: Leaving = { kind: 'file', name: 'a.json', contentType: 'application/dicom+json', madeBy, source };
  return gateFor(asked).check(leaving) as GateFinding[];
}
