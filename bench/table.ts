/** Columns for people. Pure. */

/** The first column is text, on the left; the others are figures, on the right. */
export function formatTable(header: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    widths.map((width, column) => (column === 0 ? (row[0] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)));
  return [header, widths.map((width) => '-'.repeat(width)), ...rows]
    .map((row) => line(row).join('  ').trimEnd())
    .join('\n');
}

/** Three significant digits, and a dash for what is not there. */
export function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-';
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
