/** Our own sender. */
import { describeError } from '../../../src/base/errors.ts';
import { echo } from '../../../src/dicom/scu/echo.ts';
import { sendFiles } from '../../../src/dicom/scu/sendFiles.ts';
import { type Cell, fail, judgeSamples, pass, scuTarget, transports } from '../cell.ts';

const peer = 'our send';

export const ownCells: Cell[] = transports.flatMap((transport): Cell[] => [
  {
    peer,
    service: 'C-ECHO',
    transport,
    missing: undefined,
    run: (scene) =>
      echo(scuTarget(scene)).then(
        ({ ms }) => pass(`${ms.toFixed(1)} ms`),
        (error) => fail(describeError(error)),
      ),
  },
  {
    peer,
    service: 'C-STORE',
    transport,
    missing: undefined,
    run: async (scene) => {
      const paths = scene.samples.map((sample) => sample.path);
      const report = await sendFiles({ ...scuTarget(scene), paths, associations: 2 });
      if (report.acknowledged !== paths.length) return fail(report.failed.map((one) => one.reason).join('; '));
      return judgeSamples(scene, scene.samples, 'verbatim');
    },
  },
]);
