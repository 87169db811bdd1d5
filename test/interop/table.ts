/** The tables for people: peers as rows, services and transports as columns. Pure. */
import { type Service, services, type Transport, transportName } from './cell.ts';

export type Result = {
  peer: string;
  service: string;
  transport: Transport;
  outcome: 'ok' | 'failed' | 'skipped';
  note: string;
};

const columns: ReadonlyArray<{ service: Service; transport: Transport }> = services.flatMap((service) =>
  (['plain', 'tls', 'mtls'] as const)
    .filter((transport) => service !== 'commitment' || transport !== 'tls')
    .map((transport) => ({ service, transport })),
);

const mark = { ok: 'ok', failed: 'FAIL', skipped: '-' } as const;
const width = 7;
const nameWidth = 16;

export const isInMatrix = ({ service }: { service: string }) => (services as readonly string[]).includes(service);

function heading(): string[] {
  const groups = services.map((service) => {
    const count = columns.filter((column) => column.service === service).length;
    return service.padEnd(count * width);
  });
  const names = columns.map(({ transport }) => transportName[transport].padEnd(width));
  const blank = ' '.repeat(nameWidth);
  return [`${blank}${groups.join('')}`, `${'peer'.padEnd(nameWidth)}${names.join('')}`].map((line) => line.trimEnd());
}

/** One line a peer, in the order in which they come; `-` where it was not run or the peer has no such service. */
export function matrix(results: readonly Result[]): string {
  const inMatrix = results.filter(isInMatrix);
  const lines = [...new Set(inMatrix.map((one) => one.peer))].map((peer) => {
    const marks = columns.map(({ service, transport }) => {
      const found = inMatrix.find((one) => one.peer === peer && one.service === service && one.transport === transport);
      return (found ? mark[found.outcome] : '-').padEnd(width);
    });
    return `${peer.padEnd(nameWidth)}${marks.join('')}`.trimEnd();
  });
  return [...heading(), ...lines].join('\n');
}

/** What is not in the matrix: one line a cell. */
export function list(results: readonly Result[]): string {
  const others = results.filter((one) => !isInMatrix(one));
  const serviceWidth = Math.max(0, ...others.map((one) => one.service.length)) + 2;
  return others
    .map(({ peer, service, transport, outcome }) =>
      [
        peer.padEnd(nameWidth),
        service.padEnd(serviceWidth),
        transportName[transport].padEnd(width),
        mark[outcome],
      ].join(''),
    )
    .join('\n');
}
