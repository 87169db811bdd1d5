/** Tables in Markdown. Cells may hold anything: a vertical bar is escaped, a line break becomes a space. */
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
const row = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;

export function markdownTable(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  return [row(head), `|${head.map(() => '---|').join('')}`, ...rows.map(row)].join('\n');
}
