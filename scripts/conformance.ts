/**
 * docs/conformance-statement.md has blocks that are made from the code's own tables, between
 * `<!-- generated:NAME -->` and `<!-- /generated:NAME -->`. `npm run generate` fills them; a test fails while one is out of date.
 */
import { readFileSync } from 'node:fs';

export const conformanceFile = new URL('../docs/conformance-statement.md', import.meta.url);

/** Text between the marks of a block, with a line break on either side. */
const block = (name: string) =>
  new RegExp(`(<!-- generated:${name} -->\n)[\\s\\S]*?(<!-- /generated:${name} -->)`, 'g');

export const blockNames = (text: string): string[] =>
  [...text.matchAll(/<!-- generated:([a-z-]+) -->/g)].map(([, name]) => name ?? '');

/**
 * The document with its blocks as they should be. Throws when it names a block that is not made, lacks one that is, or has
 * a mark that is not closed.
 */
export function fillBlocks(text: string, blocks: Readonly<Record<string, string>>): string {
  const names = blockNames(text);
  const unknown = names.filter((name) => blocks[name] === undefined);
  if (unknown.length > 0) throw new Error(`nothing makes the block ${unknown.join(', ')}`);
  let filled = text;
  for (const [name, content] of Object.entries(blocks)) {
    const places = text.match(block(name))?.length ?? 0;
    if (places !== 1) throw new Error(`the block ${name} has ${places} closed places in the document, not one`);
    filled = filled.replace(
      block(name),
      (_all, open: string, close: string) => `${open}${content.trimEnd()}\n${close}`,
    );
  }
  return filled;
}

export const conformanceText = () => readFileSync(conformanceFile, 'utf8');
