/** The real steps, behind one that misbehaves as the environment says (see gatewayWithSteps.ts). */
import { stepsOf as realSteps, type StepsOf } from '../../../src/process/engine/stepTable.ts';

const { MEDUSA_TEST_HANG: hang, MEDUSA_TEST_DIE: die, MEDUSA_TEST_SLOW: slow } = process.env;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

export const stepsOf: StepsOf = (application, parts) => [
  {
    name: 'fault',
    version: '1',
    apply(object) {
      const { sopInstanceUid } = object.meta;
      if (slow !== undefined) Atomics.wait(sleeper, 0, 0, Number(slow));
      while (sopInstanceUid === hang);
      if (sopInstanceUid === die) process.exit(3);
      return { kind: 'pass', object, applied: { name: 'fault', version: '1', detail: '' } };
    },
  },
  ...realSteps(application, parts),
];
