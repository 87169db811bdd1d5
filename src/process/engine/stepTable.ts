/** Which steps an application consists of: the one place that knows all of them. */
import type { Application, StepSettings } from '../application.ts';
import type { InstanceStep } from '../step.ts';
import type { ScannerSettings } from '../steps/clamd.ts';
import { compressStep } from '../steps/compress.ts';
import { createDeidentify } from '../steps/deidentify.ts';
import { createMetadata } from '../steps/metadata.ts';
import { previewStep } from '../steps/preview.ts';
import { createScan } from '../steps/scan.ts';
import { createSelect } from '../steps/select.ts';

export type StepParts = { scanner: ScannerSettings | undefined };

/** What the module with the table exports. Throws when settings contradict each other. */
export type StepsOf = (application: Application, parts: StepParts) => InstanceStep[];

/** The manifest's own selection comes first: what the application does not want costs nothing more. */
export const stepsOf: StepsOf = (application, parts) => {
  const { minInstances: _min, maxInstances: _max, ...ofInstances } = application.select;
  const selects = Object.keys(ofInstances).length > 0;
  const steps = application.steps.map((settings) => stepOf(settings, application, parts));
  return selects ? [createSelect(ofInstances), ...steps] : steps;
};

function stepOf(settings: StepSettings, { scannerDown }: Application, { scanner }: StepParts): InstanceStep {
  switch (settings.step) {
    case 'select':
      return createSelect(settings.where);
    case 'deidentify':
      return createDeidentify(settings);
    case 'compress':
      return compressStep(settings);
    case 'preview':
      return previewStep(settings);
    case 'metadata':
      return createMetadata();
    case 'scan':
      return createScan(scannerDown, scanner);
  }
}
