/** What `app run` prints for people. Pure. */
import { formatCount, formatSize } from '../../../web/format.ts';
import type { AppInput, AppRunReport, AppRunTotals, AppUnit } from '../../applications/appRun.ts';
import { table } from '../table.ts';

const percent = (ratio: number) => `${(ratio * 100).toFixed(ratio < 0.01 ? 3 : 1)} %`;
const seconds = (value: number) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} s`;

function inputRows(inputs: readonly AppInput[]): string[][] {
  return inputs.map(({ file, outcome, code, reason }) => [outcome, file, [code, reason].filter(Boolean).join(': ')]);
}

function renderUnit(unit: AppUnit): string {
  const { ending, code, message, hint, inputs, results, said } = unit;
  const why = message === undefined ? '' : `: ${message}${code === undefined ? '' : ` (${code})`}`;
  const lines = [`${unit.unit}: ${ending}${why}\n`];
  if (hint !== undefined && hint !== '') lines.push(`  ${hint}\n`);
  lines.push(table([{ title: 'OUTCOME' }, { title: 'FILE' }, { title: 'REASON' }], inputRows(inputs)));
  if (results.length > 0) {
    const rows = results.map(({ path, contentType, size }) => [formatSize(size), contentType, path]);
    lines.push('\n', table([{ title: 'SIZE', align: 'right' }, { title: 'TYPE' }, { title: 'RESULT' }], rows));
  }
  if (said !== undefined) lines.push('\nIts last words on standard error:\n', said.replace(/^/gm, '  '), '\n');
  return `${lines.join('')}\n`;
}

function renderTotals(totals: AppRunTotals): string {
  const { bytesIn, bytesOut, ratio, promisedRatio, kept, cpuSeconds, peakMemoryBytes, wallMs } = totals;
  if (ratio === null) return 'Nothing finished, so there is nothing to compare.\n';
  const promise = promisedRatio === null ? 'nothing promised' : `promised < ${percent(promisedRatio)}`;
  const verdict = kept === null ? '' : kept ? ', kept' : ', BROKEN';
  return [
    `in          ${formatSize(bytesIn)}\n`,
    `out         ${formatSize(bytesOut)}, ${percent(ratio)} of it (${promise}${verdict})\n`,
    `20 Mbit/s   ${seconds(totals.secondsWhole20Mbit)} whole, ${seconds(totals.secondsSplit20Mbit)} split\n`,
    `cost        ${seconds(cpuSeconds)} of processor, ${formatSize(peakMemoryBytes)} of memory at most, ${seconds(wallMs / 1000)} by the clock\n`,
  ].join('');
}

export function renderRun({ application, version, units, passedOver, out, totals }: AppRunReport): string {
  const count = units.reduce((sum, { inputs }) => sum + inputs.length, 0);
  const head = `${application}@${version} over ${formatCount(count)} instances\n\n`;
  const passed = passedOver.map(({ file, reason }) => `passed over ${file}: ${reason}\n`).join('');
  const where = out === undefined ? '' : `Results are in ${out}\n`;
  const none = units.length === 0 ? 'There is no DICOM object among the files.\n' : '';
  return `${head}${passed}${none}${units.map(renderUnit).join('')}${units.length === 0 ? '' : renderTotals(totals)}${where}`;
}
