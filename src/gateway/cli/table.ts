/** Columns for a terminal. Pure. */

export type Column = { title: string; align?: 'left' | 'right' };

/** What strangers chose (AE titles, keys) must not steer the terminal. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

/** Lines with a heading; the last column is not padded. */
export function table(columns: readonly Column[], rows: ReadonlyArray<readonly string[]>): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(visible))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => (row[at] ?? '').length)));
  const pad = (cell: string, at: number) =>
    columns[at]?.align === 'right' ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
  return cells.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
