/** Step `deidentify`: PS3.15 Annex E with the options of the manifest; refuses what may show or say who the patient is. */
import { GatewayError } from '../../base/errors.ts';
import { type Deidentified, Deidentifier } from '../../dicom/confidentiality/deidentify.ts';
import { profileEdition } from '../../dicom/confidentiality/profileTable.ts';
import type { DicomObject } from '../../dicom/dataSet/dicomObject.ts';
import { blankRegions } from '../../dicom/pixels/blankRegions.ts';
import type { StepSettings } from '../application.ts';
import type { AppliedStep, DeidentificationKeys, Identity, InstanceStep, StepContext, StepOutcome } from '../step.ts';

export type DeidentifySettings = Extract<StepSettings, { step: 'deidentify' }>;

const name = 'deidentify';
const version = '1.0.0';

/** Throws GatewayError `deidentify.options` when the options contradict each other. */
export function createDeidentify(settings: DeidentifySettings): InstanceStep {
  const { options, burnedIn, safePrivate } = settings;
  if (options.includes('retainFullDates') && options.includes('retainModifiedDates')) {
    throw new GatewayError('dates cannot be both kept and moved', {
      code: 'deidentify.options',
      operation: 'set up step deidentify',
      hint: 'choose retainFullDates or retainModifiedDates, not both (PS3.15 E.3.6)',
    });
  }
  const detail = [`basic profile of ${profileEdition}`, ...[...options].sort()].join(', ');
  const applied: AppliedStep = { name, version, detail };
  let made: { keys: DeidentificationKeys; deidentifier: Deidentifier } | undefined;
  return {
    name,
    version,
    apply(object, context) {
      // One for all instances of a run: what it has derived for a study need not be derived again.
      if (made?.keys !== context.keys) {
        made = { keys: context.keys, deidentifier: new Deidentifier({ options, burnedIn, safePrivate }, context.keys) };
      }
      return deidentify(made.deidentifier, object, context, applied);
    },
  };
}

function deidentify(
  deidentifier: Deidentifier,
  object: DicomObject,
  context: StepContext,
  applied: AppliedStep,
): StepOutcome | Promise<StepOutcome> {
  const result = deidentifier.apply(object);
  if ('kind' in result) return { kind: 'refused', code: result.code, reason: result.reason };
  const identity = identityOf(result);
  if (result.regions.length === 0) return { kind: 'pass', object: result.object, applied, identity };
  return blanked(result, context, applied, identity);
}

async function blanked(
  { object, regions }: Deidentified,
  context: StepContext,
  applied: AppliedStep,
  identity: Identity,
): Promise<StepOutcome> {
  try {
    const clean = await blankRegions(object, regions, context);
    const detail = `${applied.detail}, ${regions.length} regions blanked`;
    return { kind: 'pass', object: clean, applied: { ...applied, detail }, identity };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const reason = `the regions that the manifest names could not be blanked: ${error.message}`;
    return { kind: 'refused', code: 'deidentify.not-blanked', reason };
  }
}

const identityOf = ({ patient, shiftDays, uids, values }: Deidentified): Identity => ({
  patient,
  dateShiftDays: shiftDays,
  uids,
  values,
});
