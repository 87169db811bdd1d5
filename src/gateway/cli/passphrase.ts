/** Passphrases: from a file, an environment variable or the terminal, never from the command line, which others can see. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { describeError } from '../../base/errors.ts';
import { UsageError } from './context.ts';

export type PassphraseOptions = { passphraseFile?: string; passphraseEnv?: string };

async function fromTerminal(file: string): Promise<string> {
  const silent = new Writable({ write: (_piece, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write(`Passphrase of ${file}: `); // not before the terminal has stopped to echo
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.question('', resolve);
      // Ctrl-C and Ctrl-D; after an answer it comes too late to matter.
      terminal.once('close', () => reject(new UsageError('no passphrase was given')));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

/** The question that `identity import` asks when a file is encrypted. Throws UsageError. */
export function passphraseFrom({
  passphraseFile,
  passphraseEnv,
}: PassphraseOptions): (file: string) => Promise<string> {
  return async (file) => {
    if (passphraseFile !== undefined) {
      try {
        return readFileSync(passphraseFile, 'utf8').replace(/\r?\n$/, '');
      } catch (error) {
        throw new UsageError(`the file of --passphrase-file cannot be read: ${describeError(error)}`);
      }
    }
    if (passphraseEnv !== undefined) {
      const value = process.env[passphraseEnv];
      if (value === undefined) throw new UsageError(`environment variable ${passphraseEnv} is not set`);
      return value;
    }
    if (process.stdin.isTTY) return fromTerminal(file);
    throw new UsageError(`${file} is encrypted: give its passphrase with --passphrase-file or --passphrase-env`);
  };
}
