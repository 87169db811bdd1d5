/** DCMTK's senders. echoscu and storescu have TLS; dcmsend has none and goes through socat. */
import { dcmsend, dcmtkMissing, echoscu, type SendTarget, storescu } from '../../support/dcmtkPeers.ts';
import { type Cell, fail, judgeSamples, pass, portOf, type Scene, tlsOf, transports } from '../cell.ts';
import { lastLine, needsTunnel, throughTunnel } from '../programs.ts';
import { calledAeTitle } from '../targets.ts';

export function dcmtkTarget(scene: Scene): SendTarget {
  const tls = tlsOf(scene);
  return { port: portOf(scene), called: calledAeTitle, ...(tls === undefined ? {} : { tls }) };
}

const paths = (scene: Scene) => scene.samples.map((sample) => sample.path);

export const dcmtkCells: Cell[] = transports.flatMap((transport): Cell[] => [
  {
    peer: 'DCMTK storescu',
    service: 'C-ECHO',
    transport,
    missing: dcmtkMissing(),
    run: async (scene) => {
      const result = await echoscu(dcmtkTarget(scene));
      return result.ok ? pass('by echoscu') : fail(lastLine(result.output));
    },
  },
  {
    peer: 'DCMTK storescu',
    service: 'C-STORE',
    transport,
    missing: dcmtkMissing(),
    run: async (scene) => {
      const result = await storescu(dcmtkTarget(scene), paths(scene));
      return result.ok ? judgeSamples(scene, scene.samples, 'image') : fail(lastLine(result.output));
    },
  },
  {
    peer: 'DCMTK dcmsend',
    service: 'C-STORE',
    transport,
    missing: dcmtkMissing() ?? needsTunnel(transport),
    run: (scene) =>
      throughTunnel(scene, async (port) => {
        const result = await dcmsend({ port, called: calledAeTitle }, paths(scene));
        return result.ok ? judgeSamples(scene, scene.samples, 'image') : fail(lastLine(result.output));
      }),
  },
]);
