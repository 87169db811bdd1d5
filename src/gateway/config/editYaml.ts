/**
 * Changes a YAML text and leaves all else as its author wrote it: comments, order, blank lines, spaces. Pure.
 *
 * The document is printed before and after the change, in the same style; the lines that differ are then changed in the text.
 * The result is parsed again: it has to mean exactly what was wanted.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Document, parseDocument, type ToStringOptions } from 'yaml';
import { GatewayError } from '../../base/errors.ts';

const styles: ToStringOptions[] = [2, 4].flatMap((indent) =>
  [true, false].flatMap((indentSeq) =>
    [false, true].map((flowCollectionPadding) => ({ indent, indentSeq, flowCollectionPadding, lineWidth: 0 })),
  ),
);

const linesOf = (text: string) => text.split(/\r?\n/);
const isBlank = (line: string | undefined) => line === undefined || line.trim() === '';
/** As the printer may change it: spaces only. */
const bare = (line: string) => line.replace(/\s/g, '');

/** For each line of `printed` the line of `text` that it was, or undefined where that is not clear. */
function alignment(text: readonly string[], printed: readonly string[]): number[] | undefined {
  const places: number[] = [];
  let at = 0;
  for (const [index, line] of printed.entries()) {
    if (isBlank(line)) continue;
    while (isBlank(text[at]) && at < text.length) at++;
    if (bare(text[at] ?? '') !== bare(line)) return undefined;
    places[index] = at++;
  }
  return text.slice(at).every(isBlank) ? places : undefined;
}

/** Does in `text` what was done between the two prints. */
function splice(text: string, before: readonly string[], after: readonly string[]): string | undefined {
  const lines = text.split('\n');
  const places = alignment(lines, before);
  if (places === undefined) return undefined;
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let same = 0;
  while (same < Math.min(before.length, after.length) - start && before.at(-1 - same) === after.at(-1 - same)) same++;
  const replaced = places.slice(start, before.length - same).filter((place) => place !== undefined);
  const inserted = after.slice(start, after.length - same);
  const above = places.slice(0, start).filter((place) => place !== undefined);
  const from = replaced[0] ?? (above.at(-1) ?? -1) + 1;
  const to = (replaced.at(-1) ?? from - 1) + 1;
  const ending = text.includes('\r\n') ? '\r' : '';
  const body = [...lines.slice(0, from), ...inserted.map((line) => line + ending), ...lines.slice(to)].join('\n');
  return body.endsWith('\n') ? body : `${body}\n`;
}

function means(text: string, value: unknown): boolean {
  const document = parseDocument(text, { logLevel: 'error' });
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), value);
}

/** How many lines a style prints as they stand in the text. */
function likeness(text: readonly string[], printed: readonly string[]): number {
  const written = new Set(text);
  return printed.filter((line) => written.has(line)).length;
}

/** Error: `config.not-editable`, when the change cannot be made without changing anything else. */
export function editYaml(text: string, change: (document: Document) => void): string {
  const parse = () => parseDocument(text, { logLevel: 'error' });
  const changed = parse();
  change(changed);
  const wanted = changed.toJS();
  const prints = styles
    .map((style) => ({ before: linesOf(parse().toString(style)), after: linesOf(changed.toString(style)) }))
    .sort((a, b) => likeness(linesOf(text), b.before) - likeness(linesOf(text), a.before));
  for (const { before, after } of prints) {
    const spliced = splice(text, before, after);
    if (spliced !== undefined && means(spliced, wanted)) return spliced;
  }
  // A text that the printer lays out in its own way: comments and order stay, its spaces do not.
  const printed = prints[0]?.after.join('\n') ?? '';
  if (means(printed, wanted)) return printed;
  throw new GatewayError('the file cannot be changed without changing what it means elsewhere', {
    code: 'config.not-editable',
    operation: 'edit configuration',
    hint: 'change it with an editor, then "medusa-gateway reload"',
  });
}
