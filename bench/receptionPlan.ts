/** Which cases the reception bench measures, the most telling first. Pure. */
import type { PayloadKind } from './payloads.ts';
import type { Transport } from './receiver.ts';

export type ReceptionCase = {
  transport: Transport;
  kind: PayloadKind;
  associations: number;
  /** Instances in each run. */
  count: number;
  rounds: number;
};

export const caseName = (c: Pick<ReceptionCase, 'kind' | 'transport' | 'associations'>) =>
  `${c.kind} ${c.transport === 'tls' ? 'TLS' : 'plain'} ${c.associations}`;

const associationCounts = [4, 16, 1];

/**
 * Quick: a few minutes; plain and large objects with fewer rounds. Its runs are short, so an association's set-up weighs
 * more in them, and so does whatever else the machine does.
 */
export function receptionPlan(quick: boolean): ReceptionCase[] {
  const ct = quick ? 200 : 600;
  const cases: ReceptionCase[] = [];
  for (const transport of ['tls', 'plain'] as const) {
    for (const associations of associationCounts) {
      const rounds = quick ? (transport === 'tls' && associations > 1 ? 3 : 1) : 5;
      cases.push({ transport, kind: 'CT', associations, count: ct, rounds });
    }
    const others = quick ? 1 : 3;
    cases.push({ transport, kind: 'CR', associations: 4, count: quick ? 12 : 40, rounds: others });
    cases.push({ transport, kind: 'US', associations: 1, count: quick ? 1 : 3, rounds: others });
    for (const associations of quick ? [16] : [16, 1]) {
      cases.push({ transport, kind: 'tiny', associations, count: quick ? 600 : 3000, rounds: others });
    }
  }
  return cases;
}
