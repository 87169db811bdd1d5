import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { loadConfiguration, parseConfiguration } from '../../../src/gateway/config/configuration.ts';
import { knownKeys } from '../../../src/gateway/config/jsonSchema.ts';

const configFolder = fileURLToPath(new URL('../../../config/', import.meta.url));
const exampleFile = `${configFolder}gateway.example.yaml`;
const example = readFileSync(exampleFile, 'utf8');
const examples = readdirSync(`${configFolder}examples`).map((name) => `examples/${name}`);

type Written = { key: string; value: unknown; comment: string | undefined };

/** Every key of a text, with lists as `[]`, and the comment behind its value. */
function writtenKeys(node: Node | null, prefix: string): Written[] {
  if (isSeq(node)) return node.items.flatMap((item) => writtenKeys(item as Node, `${prefix}[]`));
  if (!isMap(node)) return [];
  return node.items.flatMap((pair): Written[] => {
    const key = `${prefix === '' ? '' : `${prefix}.`}${String(pair.key)}`;
    const value = pair.value as Node | null;
    const comment = isScalar(value) ? value.comment?.trim() : undefined;
    const own = { key, value: isScalar(value) ? value.value : undefined, comment };
    return [own, ...writtenKeys(value, key)];
  });
}

describe('config/gateway.example.yaml', () => {
  const written = writtenKeys(parseDocument(example).contents as Node, '');

  it('is sound, but for the files that it names', () => {
    expect(parseConfiguration(example, { file: exampleFile })).toMatchObject({ ok: true });
    const loaded = loadConfiguration(exampleFile, {});
    const messages = loaded.ok ? [] : loaded.problems.map(({ message }) => message);
    expect(messages.filter((message) => !message.endsWith('does not exist'))).toEqual([]);
  });

  it('has every key that there is', () => {
    const there = new Set(written.map(({ key }) => key));
    expect(
      knownKeys()
        .map(({ key }) => key)
        .filter((key) => !there.has(key)),
    ).toEqual([]);
  });

  it('says "default" of the default, and only of it', () => {
    const defaults = new Map(knownKeys().map((known) => [known.key, known.default]));
    const said = written.filter(({ comment }) => comment === 'default');
    expect(said.map(({ key, value }) => [key, value])).toEqual(said.map(({ key }) => [key, defaults.get(key)]));
    const leaves = knownKeys().filter(({ leaf, default: value }) => leaf && value !== undefined);
    const silent = leaves.filter(({ key }) => !said.some((one) => one.key === key)).map(({ key }) => key);
    expect(silent).toEqual([]);
  });
});

describe.each(examples)('config/%s', (name) => {
  it('is sound, but for the files and secrets that it names', () => {
    const file = configFolder + name;
    const result = loadConfiguration(file, { RESEARCH_SECRET_KEY: 'x' });
    const messages = result.ok ? [] : result.problems.map(({ message }) => message);
    expect(messages.filter((message) => !message.endsWith('does not exist'))).toEqual([]);
    expect(parseConfiguration(readFileSync(file, 'utf8'), { file })).toMatchObject({ ok: true });
  });
});
