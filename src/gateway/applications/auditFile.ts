/**
 * A file of what was done with identities: a line of JSON each, durable before anything is shown. Every line holds the
 * SHA-256 of the one before, so that a line that is changed or taken out shows.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeAllSync } from '../../base/durableFile.ts';
import { GatewayError } from '../../base/errors.ts';
import { withFileLock } from '../config/fileLock.ts';

export type AuditEntry = Record<string, string | number | readonly string[]>;

const start = '0'.repeat(64);
const digest = (line: string) => createHash('sha256').update(line).digest('hex');
const lockWaitMs = 10_000;

const broken = (file: string, line: number) =>
  new GatewayError(`line ${line} of the audit file was changed, or the one before it`, {
    code: 'audit.chain-broken',
    operation: 'read audit file',
    subject: file,
    hint: 'keep this file as it is for whoever looks into it, and move it aside to begin a new one',
  });

/** The lines of an audit file, oldest first. Throws `audit.chain-broken`. */
export function readAudit(file: string): { entries: AuditEntry[]; last: string } {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const lines = text.split('\n').slice(0, -1);
  if (text !== '' && !text.endsWith('\n')) throw broken(file, lines.length + 1);
  let last = start;
  const entries = lines.map((line, at): AuditEntry => {
    let entry: AuditEntry | undefined;
    try {
      entry = JSON.parse(line) as AuditEntry;
    } catch {
      throw broken(file, at + 1);
    }
    if (entry.previous !== last || entry.seq !== at + 1) throw broken(file, at + 1);
    last = digest(line);
    return entry;
  });
  return { entries, last };
}

/** Durable when it returns. Commands that run at once wait for each other. Throws `audit.chain-broken`. */
export function appendAudit(file: string, what: AuditEntry): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  withFileLock(file, lockWaitMs, () => {
    const { entries, last } = readAudit(file);
    const line = JSON.stringify({ seq: entries.length + 1, ...what, previous: last });
    const fd = openSync(file, 'a', 0o600);
    try {
      writeAllSync(fd, Buffer.from(`${line}\n`));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncDirectory(dirname(file));
  });
}
