/** A YAML text: its value, its own errors, and where each key stands. Pure. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Finding, KeyPath, Problem } from './problem.ts';
import { formatKey } from './problem.ts';

export type YamlText = {
  /** undefined when the text is no YAML. */
  value: unknown;
  syntaxProblems: Problem[];
  /** Gives a finding its place in the text. A key that is not there takes the place of what should hold it. */
  place(finding: Finding): Problem;
};

/** Aliases are allowed, but not so many that a few lines become gigabytes. */
const maxAliasCount = 100;

export function readYaml(text: string, file: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntaxProblems = document.errors.map(
    (error): Problem => ({ file, ...at(error.pos[0]), key: '', ...explainSyntax(error.code, error.message) }),
  );
  let value: unknown;
  if (syntaxProblems.length === 0) {
    try {
      value = document.toJS({ maxAliasCount });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      syntaxProblems.push({ file, line: 1, column: 1, key: '', message });
    }
  }
  return {
    value,
    syntaxProblems,
    place: ({ path, message, hint, atKey }) => ({
      file,
      ...at(offsetOf(document.contents as Node | null, path, atKey ?? false)),
      key: formatKey(path),
      message,
      ...(hint === undefined ? {} : { hint }),
    }),
  };
}

function explainSyntax(code: string, message: string): { message: string; hint?: string } {
  switch (code) {
    case 'DUPLICATE_KEY':
      return { message: 'this key comes twice', hint: 'remove one of the two' };
    case 'TAB_AS_INDENT':
      return { message: 'a tab is used for indentation', hint: 'indent with spaces' };
    case 'MULTIPLE_DOCS':
      return { message: 'the file holds more than one document', hint: 'remove the line "---" and what follows it' };
    default:
      return { message: `is not valid YAML: ${message}` };
  }
}

/** Offset of the node at `path`, or of its key, or of the nearest node above that exists. */
function offsetOf(root: Node | null, path: KeyPath, atKey: boolean): number {
  let node: Node | null = root;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) break;
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) break;
      const key = pair.key as Node;
      const next = pair.value as Node | null;
      offset = key.range?.[0] ?? offset;
      // A collection's own offset is its first entry: the key above it says better where to look.
      if (last && !atKey && isScalar(next)) offset = next.range?.[0] ?? offset;
      node = next;
    } else if (isSeq(node)) {
      const next: unknown = node.items[Number(step)];
      if (next === undefined || next === null) break;
      node = next as Node;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
