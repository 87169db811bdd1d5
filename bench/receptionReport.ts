/** From measurements to tables and to the fixed keys of the bench's last line. Pure. */
import type { Measurement, ReceptionResult, ReceptionRow } from './reception.ts';
import { caseName } from './receptionPlan.ts';
import { median, pairedRatio, rounded } from './statistics.ts';
import { figure, formatTable } from './table.ts';

export const ours = 'gateway';
const orthanc = 'Orthanc';
const storescp = 'storescp --fork';
const storescpSync = 'storescp --fork + sync';

type Figure = keyof Measurement;

const values = (row: ReceptionRow | undefined, key: Figure) => row?.runs.map((run) => run?.[key]) ?? [];
const middle = (row: ReceptionRow | undefined, key: Figure) =>
  median(values(row, key).filter((value) => value !== undefined));

function rowOf(result: ReceptionResult, name: string, receiver: string): ReceptionRow | undefined {
  return result.rows.find((row) => caseName(row.case) === name && row.receiver === receiver);
}

/** Our throughput by another's, the median over rounds of one case such as "CT TLS 4". */
export function ratio(result: ReceptionResult, name: string, receiver: string): number | undefined {
  const own = values(rowOf(result, name, ours), 'instancesPerSecond');
  return pairedRatio(own, values(rowOf(result, name, receiver), 'instancesPerSecond'));
}

function tableOfCase(result: ReceptionResult, name: string): string {
  const rows = result.rows.filter((row) => caseName(row.case) === name);
  const own = rows.find((row) => row.receiver === ours);
  const cells = rows.map((row) => [
    row.receiver,
    figure(middle(row, 'instancesPerSecond')),
    figure(middle(row, 'megabytesPerSecond')),
    figure(middle(row, 'ackP50Ms')),
    figure(middle(row, 'ackP99Ms')),
    figure((middle(row, 'rssBytes') ?? Number.NaN) / 2 ** 20),
    figure(middle(row, 'senderCpuShare')),
    figure(own && pairedRatio(values(own, 'instancesPerSecond'), values(row, 'instancesPerSecond'))),
  ]);
  const first = rows[0]?.case;
  const title = `${name} associations (${first?.count} instances, median of ${first?.rounds})`;
  const header = [title, 'inst/s', 'MB/s', 'ack p50 ms', 'p99 ms', 'RSS MiB', 'sender CPU', 'gateway/this'];
  return formatTable(header, cells);
}

export function receptionTables(result: ReceptionResult): string {
  const names = [...new Set(result.rows.map((row) => caseName(row.case)))];
  return names.map((name) => tableOfCase(result, name)).join('\n\n');
}

/** The fixed keys (DESIGN section 10) and the same ratios for every case. */
export function receptionSummary(result: ReceptionResult): Record<string, unknown> {
  const ratios = (name: string, key: string) => ({
    [`${key}VsOrthanc`]: rounded(ratio(result, name, orthanc)),
    [`${key}VsStorescp`]: rounded(ratio(result, name, storescp)),
    [`${key}VsStorescpSync`]: rounded(ratio(result, name, storescpSync)),
  });
  const peaks = result.rows.filter((row) => row.receiver === ours).flatMap((row) => values(row, 'rssBytes'));
  const peak = Math.max(...peaks.filter((value) => value !== undefined));
  return {
    ...ratios('CT TLS 4', 'receptionTls4'),
    ...ratios('CT TLS 16', 'receptionTls16'),
    ...ratios('CT TLS 1', 'receptionTls1'),
    ackP99MsTls4: rounded(middle(rowOf(result, 'CT TLS 4', ours), 'ackP99Ms')),
    ackP99MsTls16: rounded(middle(rowOf(result, 'CT TLS 16', ours), 'ackP99Ms')),
    peakRssMb: rounded(peak / 2 ** 20),
    reception: result.rows.map((row) => ({
      case: caseName(row.case),
      receiver: row.receiver,
      rounds: row.runs.filter((run) => run !== undefined).length,
      instancesPerSecond: rounded(middle(row, 'instancesPerSecond')),
      megabytesPerSecond: rounded(middle(row, 'megabytesPerSecond')),
      ackP50Ms: rounded(middle(row, 'ackP50Ms')),
      ackP99Ms: rounded(middle(row, 'ackP99Ms')),
      rssMb: rounded((middle(row, 'rssBytes') ?? Number.NaN) / 2 ** 20),
    })),
  };
}
