/** Which steps an application consists of: the one place that knows all of them. */
import type { Application, StepSettings } from '../application.ts';
import type { InstanceStep } from '../step.ts';
import type { ScannerSettings } from '../steps/clamd.ts';
import { createScan } from '../steps/scan.ts';

export type StepParts = { scanner: ScannerSettings | undefined };

export type StepsOf = (application: Application, parts: StepParts) => InstanceStep[];

type Makers = {
  [Name in StepSettings['step']]: (
    settings: Extract<StepSettings, { step: Name }>,
    application: Application,
    parts: StepParts,
  ) => InstanceStep;
};

const makers: Partial<Makers> = {
  scan: (_, { scannerDown }, { scanner }) => createScan(scannerDown, scanner),
};

/** The manifest's own selection comes first: what the application does not want costs nothing more. */
export const stepsOf: StepsOf = (application, parts) =>
  application.steps.map((settings) => {
    const make = makers[settings.step] as
      | ((settings: StepSettings, application: Application, parts: StepParts) => InstanceStep)
      | undefined;
    if (make === undefined) throw new Error(`step ${settings.step} is not built yet`);
    return make(settings, application, parts);
  });
