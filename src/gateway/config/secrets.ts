/** Secrets stand in a configuration in place, or as the name of an environment variable or of a file. */
import { type FileResult, readSmallFile } from './pem.ts';
import type { ParsedConfiguration } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Secret = Readonly<Extract<ParsedConfiguration['stores'][number], { type: 's3' }>['secretAccessKey']>;

export function resolveSecret(secret: Secret, environment: Environment): FileResult<string> {
  if (typeof secret === 'string') return { ok: true, value: secret };
  if ('env' in secret) {
    const value = environment[secret.env];
    if (value) return { ok: true, value };
    const message = `environment variable ${secret.env} is not set`;
    return { ok: false, fault: { message, hint: 'set it for the service, or use { file: path }' } };
  }
  const text = readSmallFile(secret.file);
  if (!text.ok) return text;
  const value = text.value.replace(/\r?\n$/, '');
  if (value !== '') return { ok: true, value };
  return { ok: false, fault: { message: `file "${secret.file}" is empty` } };
}
