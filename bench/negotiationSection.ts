import { measureNegotiation, type NegotiationResult, negotiationPlan, type TermsRow, usual } from './negotiation.ts';
import type { Section } from './section.ts';
import { median, pairedRatio, rounded } from './statistics.ts';
import { figure, formatTable } from './table.ts';

const present = (values: ReadonlyArray<number | undefined>) => values.filter((value) => value !== undefined);

/** What a row is compared with: as many associations, on the usual terms. */
function baseOf({ rows }: NegotiationResult, { terms }: TermsRow): TermsRow | undefined {
  return rows.find(
    (row) =>
      row.terms.associations === terms.associations &&
      row.terms.window === usual.window &&
      row.terms.maxPdu === usual.maxPdu,
  );
}

const speedup = (result: NegotiationResult, row: TermsRow) => pairedRatio(row.rates, baseOf(result, row)?.rates ?? []);

/** `windowSpeedup`: by window, of one association. `maxPdu`: by associations and bytes. Ratios to 1, and to 131072 bytes. */
export function negotiationSummary(result: NegotiationResult): Record<string, unknown> {
  const ratios = (rows: TermsRow[], key: 'window' | 'maxPdu') =>
    Object.fromEntries(rows.map((row) => [row.terms[key], rounded(speedup(result, row))]));
  const byLength = (associations: number) =>
    ratios(
      result.rows.filter(({ terms }) => terms.associations === associations && terms.window === usual.window),
      'maxPdu',
    );
  const windowed = result.rows.filter(({ terms }) => terms.associations === 1 && terms.maxPdu === usual.maxPdu);
  return { windowSpeedup: ratios(windowed, 'window'), maxPdu: byLength(1), maxPduOf4Associations: byLength(4) };
}

export function negotiationTable(result: NegotiationResult): string {
  const header = ['associations', 'window', 'PDU', 'images/s', 'to the usual', 'ack p50 ms'];
  const rows = result.rows.map((row) => [
    String(row.terms.associations),
    String(row.terms.window),
    String(row.terms.maxPdu),
    figure(median(present(row.rates))),
    figure(speedup(result, row)),
    figure(median(present(row.ackP50Ms))),
  ]);
  return formatTable(header, rows);
}

export const benchNegotiation: Section = async ({ quick, storage, pki, say }) => {
  const scale = quick ? { count: 60, rounds: 3 } : { count: 150, rounds: 9 };
  const result = await measureNegotiation({ terms: negotiationPlan(), ...scale, storage, pki, say });
  say(`\n${negotiationTable(result)}\n`);
  say('CT slices over TLS to the gateway. Medians of rounds; ratios are medians of ratios within a round.\n');
  return { summary: negotiationSummary(result), couldNotRun: result.couldNotRun };
};
