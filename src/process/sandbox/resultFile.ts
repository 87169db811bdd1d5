/**
 * `result.json`: what it may say, and that the output folder holds what it says. Read only when nothing of the sandbox runs any more, so
 * that nothing changes between looking and using.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { mostDepth, mostEntries } from './outputFolder.ts';
import type { OutputFile, ResultFile } from './sandboxTypes.ts';

export const resultName = 'result.json';
const mostBytes = 1024 * 1024;
const mostNesting = 32;

/** Names that stay what they are in object keys, URLs and every file system; no `.` or `..`, nothing hidden. */
const pathPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const schema = z.strictObject({
  format: z.literal('medusa.result/1'),
  files: z
    .array(
      z.strictObject({
        path: z.string().max(200).regex(pathPattern),
        contentType: z
          .string()
          .max(100)
          .regex(/^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/),
        from: z.array(z.string()).min(1).max(mostEntries),
        dicom: z.boolean().optional(),
      }),
    )
    .max(mostEntries),
  measurements: z.record(z.string(), z.unknown()).default({}),
  summary: z.string().max(2000).default(''),
});

/** `detail` has names that the program chose: for the file with its last words, not for the log. */
export type ResultProblem = { kind: 'problem'; message: string; detail: string };
export type CheckedResult = { kind: 'result'; result: ResultFile; files: OutputFile[] };

const problem = (message: string, detail = ''): ResultProblem => ({ kind: 'problem', message, detail });

export function readResult(folder: string, inputNames: ReadonlySet<string>): CheckedResult | ResultProblem {
  const text = readText(join(folder, resultName));
  if (typeof text !== 'string') return text;
  const parsed = parse(text);
  if ('kind' in parsed) return parsed;
  const files: OutputFile[] = [];
  const named = new Set<string>();
  for (const [at, file] of parsed.files.entries()) {
    const place = `files[${at}]`;
    if (file.path === resultName) return problem(`${place} of ${resultName} is ${resultName} itself`);
    if (named.has(file.path)) return problem(`${place} of ${resultName} has been named before`, file.path);
    named.add(file.path);
    const stranger = file.from.find((name) => !inputNames.has(name));
    if (stranger !== undefined) {
      return problem(`${place} of ${resultName} comes "from" a file that is not in the input folder`, stranger);
    }
    const found = lookAt(folder, file.path);
    if (typeof found === 'string') return problem(`${place} of ${resultName} ${found}`, file.path);
    const { path, contentType, from, dicom = false } = file;
    files.push({ path, contentType, size: found.size, from, dicom });
  }
  const unnamed = unnamedFile(folder, '', named);
  if (unnamed !== undefined) {
    const advice = 'name it, or write temporary files to /tmp or to a folder whose name begins with "."';
    return problem(`the output folder holds a file that ${resultName} does not name: ${advice}`, unnamed);
  }
  return { kind: 'result', result: parsed, files };
}

function readText(path: string): string | ResultProblem {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return problem(`it ended with status 0 but there is no ${resultName} that can be read`);
  }
  try {
    const stat = fstatSync(fd);
    const wrong = notAFile(stat);
    if (wrong !== undefined) return problem(`${resultName} ${wrong}`);
    if (stat.size > mostBytes) return problem(`${resultName} has ${stat.size} bytes; at most ${mostBytes} are read`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function parse(text: string): ResultFile | ResultProblem {
  if (nesting(text) > mostNesting) return problem(`${resultName} is nested deeper than ${mostNesting} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return problem(`${resultName} is not JSON`, String(error));
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data as ResultFile;
  const issue = checked.error.issues[0];
  // Keys that the program chose are not repeated: only names of the format and indices are.
  const known = ['files', 'path', 'contentType', 'from', 'dicom', 'measurements', 'summary', 'format'];
  const place = issue?.path.filter((step) => typeof step === 'number' || known.includes(String(step))).join('.');
  return problem(`${resultName} does not fit its format at "${place ?? ''}"`, JSON.stringify(issue));
}

/** Brackets that are open at a time, strings left out: bounds what a parser of the text has to hold. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const one = text[at];
    if (isInString) {
      if (one === '\\') at++;
      else if (one === '"') isInString = false;
    } else if (one === '"') isInString = true;
    else if (one === '{' || one === '[') deepest = Math.max(deepest, ++depth);
    else if (one === '}' || one === ']') depth--;
  }
  return deepest;
}

function notAFile(stat: Stats): string | undefined {
  if (stat.isSymbolicLink()) return 'is a symbolic link';
  if (!stat.isFile()) return 'is not a regular file';
  if (stat.nlink !== 1) return 'has a second name (a hard link)';
  return undefined;
}

/** The file that `path` means when every folder on the way is a real one; otherwise what is wrong with it. */
function lookAt(folder: string, path: string): Stats | string {
  const steps = path.split('/');
  if (steps.length > mostDepth) return `lies deeper than ${mostDepth} folders`;
  let at = folder;
  for (const step of steps.slice(0, -1)) {
    at = join(at, step);
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return 'is not there';
    if (!stat.isDirectory()) return 'does not lie in a folder of the output';
  }
  const stat = lstatSync(join(folder, path), { throwIfNoEntry: false });
  if (stat === undefined) return 'is not there';
  return notAFile(stat) ?? stat;
}

/** Something that is not a folder, is not hidden, and was not named. */
function unnamedFile(folder: string, below: string, named: ReadonlySet<string>): string | undefined {
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (below === '' && (entry.name === resultName || entry.name.startsWith('.'))) continue;
    const found = entry.isDirectory() ? unnamedFile(folder, path, named) : path;
    if (found !== undefined && !named.has(found)) return found;
  }
  return undefined;
}
