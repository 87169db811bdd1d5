/** The negotiation section in small: a real gateway, and figures that are compared with the right ones. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadgenMissing } from '../../bench/loadgen.ts';
import { measureNegotiation, negotiationPlan, usual } from '../../bench/negotiation.ts';
import { negotiationSummary, negotiationTable } from '../../bench/negotiationSection.ts';
import { createTestPki } from '../support/certificates.ts';

const directory = mkdtempSync(join(tmpdir(), 'negotiation-'));
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
const missing = loadgenMissing();

describe('negotiation figures', () => {
  it('are ratios to as many associations on the usual terms, within each round', () => {
    const row = (terms: { associations: number; window?: number; maxPdu?: number }, ...rates: number[]) => ({
      terms: { ...usual, ...terms },
      rates,
      ackP50Ms: rates.map(() => 1),
    });
    const rows = [
      row({ associations: 1 }, 100, 50, 10),
      row({ associations: 1, window: 8 }, 200, 150, 20),
      row({ associations: 1, maxPdu: 16384 }, 50, 25, 5),
      row({ associations: 4 }, 300, 300, 300),
      row({ associations: 4, maxPdu: 16384 }, 150, 150, 150),
    ];
    const result = { rows, couldNotRun: {} };
    expect(negotiationSummary(result)).toEqual({
      windowSpeedup: { 1: 1, 8: 2 },
      maxPdu: { 16384: 0.5, 131072: 1 },
      maxPduOf4Associations: { 16384: 0.5, 131072: 1 },
    });
    expect(negotiationTable(result)).toContain('images/s');
  });

  it('cover every window, and every PDU length on one and four associations, once', () => {
    const plan = negotiationPlan();
    expect(plan).toHaveLength(14);
    expect(new Set(plan.map((terms) => JSON.stringify(terms))).size).toBe(14);
  });
});

describe.skipIf(missing)(`negotiation in small ${missing ?? ''}`, () => {
  it('grants what is asked for, and measures it', async () => {
    const folder = join(directory, 'bench');
    mkdirSync(folder);
    const pki = await createTestPki(join(folder, 'pki'));
    const terms = [
      { ...usual, associations: 1 },
      { associations: 1, window: 16, maxPdu: 1_048_576 },
    ];
    const storage = { directory: folder, fileSystem: 'test', remove: () => {} };
    const result = await measureNegotiation({ terms, count: 20, rounds: 2, storage, pki, say: () => {}, segments: 4 });
    expect(result.couldNotRun).toEqual({});
    for (const { rates } of result.rows) {
      expect(rates).toHaveLength(2);
      for (const rate of rates) expect(rate).toBeGreaterThan(0);
    }
  });
});
