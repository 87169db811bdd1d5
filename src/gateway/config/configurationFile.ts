/** Changes a configuration file: all of it is checked before and after, written at once, and the one before it is kept. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Document } from 'yaml';
import { writeFileDurably } from '../../base/durableFile.ts';
import { describeError, GatewayError, systemCode } from '../../base/errors.ts';
import type { Problem } from '../../base/yaml/problem.ts';
import { type ParseResult, parseConfiguration } from './configuration.ts';
import { editYaml } from './editYaml.ts';
import { withFileLock } from './fileLock.ts';

export type Rewriting =
  | { ok: true /** false: the file is as it was. */; changed: boolean; backup: string }
  /** `before`: the file was not sound to begin with; else the change would not be. Nothing was written. */
  | { ok: false; before: boolean; problems: Problem[] };

const writeError = (file: string, error: unknown) =>
  new GatewayError(`the configuration cannot be written: ${describeError(error)}`, {
    code: 'config.write-failed',
    operation: 'write configuration',
    subject: file,
    hint: systemCode(error)?.match(/^E(ACCES|PERM)$/)
      ? 'run this as root, or as the owner of the file and its folder'
      : 'see that its disk has room',
    cause: error,
  });

const usualWaitMs = 20_000;

/**
 * Commands that run at once wait for each other, at most `waitMs`. Errors: `config.write-failed`, `config.busy`,
 * `config.changed-meanwhile`, `config.not-editable`. The file keeps its owner and mode; a
 * symbolic link stays one. The content before is in `<file>.bak`.
 */
export function rewriteConfiguration(
  file: string,
  change: Change,
  { waitMs = usualWaitMs }: { waitMs?: number } = {},
): Rewriting {
  const path = realpathSync(file);
  try {
    return withFileLock(path, waitMs, (isOurs) => rewrite({ file, path, isOurs }, change));
  } catch (error) {
    if (error instanceof GatewayError || systemCode(error) === undefined) throw error;
    throw writeError(file, error);
  }
}

type Change = (document: Document, current: Extract<ParseResult, { ok: true }>['config']) => void;

function rewrite(where: { file: string; path: string; isOurs: () => boolean }, change: Change): Rewriting {
  const { file, path, isOurs } = where;
  const text = readFileSync(path, 'utf8');
  const current = parseConfiguration(text, { file });
  if (!current.ok) return { ok: false, before: true, problems: current.problems };
  const next = editYaml(text, (document) => change(document, current.config));
  const backup = `${path}.bak`;
  if (next === text) return { ok: true, changed: false, backup };
  const result = parseConfiguration(next, { file });
  if (!result.ok) return { ok: false, before: false, problems: result.problems };
  const { mode, uid, gid } = statSync(path);
  const like = { mode: mode & 0o777, uid, gid };
  if (!isOurs()) throw changedMeanwhile(file);
  writeFileDurably(backup, text, like);
  // An editor takes no lock.
  if (readFileSync(path, 'utf8') !== text || !isOurs()) throw changedMeanwhile(file);
  writeFileDurably(path, next, like);
  return { ok: true, changed: true, backup };
}

const changedMeanwhile = (file: string) =>
  new GatewayError('somebody else changed the configuration just now; nothing was written', {
    code: 'config.changed-meanwhile',
    operation: 'write configuration',
    subject: file,
    hint: 'try again',
    retryable: true,
  });
