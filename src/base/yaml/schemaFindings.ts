/** What a schema has to say against a YAML text, in words for people. Pure. */
import type { z } from 'zod';
import { didYouMean } from './closest.ts';
import type { Finding, KeyPath } from './problem.ts';
import { describeKey, type JsonSchema } from './schemaKeys.ts';

type Issue = z.core.$ZodIssue;

function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[step] : undefined,
    root,
  );
}

function typeName(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a section';
  return `a ${typeof value === 'string' ? 'text' : typeof value}`;
}

const expectedNames: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section',
};

function wrongType(expected: string, value: unknown): Omit<Finding, 'path'> {
  const message = `has to be ${expectedNames[expected] ?? expected}, not ${typeName(value)}`;
  if (value === null) return { message: 'has no value', hint: 'give it one, or remove the key to take the default' };
  if (expected === 'string' && typeof value !== 'object')
    return { message, hint: `put it in quotes: "${String(value)}"` };
  if (expected === 'array') return { message, hint: 'begin each entry of the list with "- "' };
  return { message };
}

function wrongChoice(value: unknown, choices: readonly unknown[]): Omit<Finding, 'path'> {
  const names = choices.map(String);
  return { message: `has to be ${names.join(' or ')}`, hint: didYouMean(String(value), names, 'values') };
}

function bound(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const least = issue.code === 'too_small';
  const limit = least ? issue.minimum : issue.maximum;
  const word = least ? 'at least' : 'at most';
  if (issue.origin === 'string') return limit === 1 && least ? 'is empty' : `must have ${word} ${limit} characters`;
  if (issue.origin === 'array') return limit === 1 && least ? 'is an empty list' : `must have ${word} ${limit} entries`;
  return `must be ${word} ${limit}`;
}

function explain(issue: Issue, value: unknown): Omit<Finding, 'path'> {
  const missing = { message: 'is required', hint: undefined };
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? missing : wrongType(issue.expected, value);
    case 'invalid_value':
      return value === undefined ? missing : wrongChoice(value, issue.values);
    case 'too_small':
    case 'too_big':
      return { message: bound(issue) };
    case 'invalid_union': {
      const { options } = issue as { options?: unknown[] };
      if (options !== undefined) return { ...wrongChoice(value, options), ...(value === undefined ? missing : {}) };
      if (value === undefined) return missing;
      return value === null ? wrongType('', value) : { message: issue.message };
    }
    default:
      return { message: issue.message };
  }
}

/** Findings for the issues of `schema`; a section with three unknown keys gives three. */
export function findingsOf(schema: JsonSchema, issues: readonly Issue[], root: unknown): Finding[] {
  return issues.flatMap((issue): Finding[] => {
    const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    const { hint, knownKeys } = describeKey(schema, path, root);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: 'is not a known key',
        hint: didYouMean(key, knownKeys, 'keys here'),
        atKey: true,
      }));
    }
    const said = explain(issue, valueAt(root, path));
    return [{ path, ...said, hint: said.hint ?? hint }];
  });
}
