/** One change of the peers in the configuration file, and its way into a gateway that runs. */
import { realpathSync } from 'node:fs';
import type { Document } from 'yaml';
import type { ReloadAnswer } from '../../../web/peers.ts';
import type { ParseResult } from '../../config/configuration.ts';
import { rewriteConfiguration } from '../../config/configurationFile.ts';
import { type CommandContext, ConfigurationRefused, exitCode, socketFrom, writeJson } from '../context.ts';
import { reloadIfRunning, renderReload } from './running.ts';

export type TextConfiguration = Extract<ParseResult, { ok: true }>['config'];

export type PeerChange = {
  config: string;
  json?: boolean | undefined;
  change(document: Document, current: TextConfiguration): void;
  /** In the past tense: what was done. */
  done: () => string;
  /** Worth knowing beside that. */
  notes: () => string[];
};

/** Whether the gateway reads the file that was changed. */
const isSameFile = (a: string, b: string) => {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
};

type Force = 'live' | 'at-start' | 'refused' | 'other-file';

function force(file: string, reload: ReloadAnswer | undefined): Force {
  if (reload === undefined) return 'at-start';
  if (!isSameFile(file, reload.file)) return 'other-file';
  return reload.reloaded ? 'live' : 'refused';
}

function forceText(inForce: Force, reload: ReloadAnswer | undefined): string {
  switch (inForce) {
    case 'live':
      return 'The running gateway has taken it on.\n';
    case 'at-start':
      return 'No gateway runs here: it takes effect when it starts.\n';
    case 'other-file':
      return `The running gateway uses another file: ${reload?.file || 'none'}. It was not changed.\n`;
    case 'refused':
      return `${reload ? renderReload(reload) : ''}`;
  }
}

/** Writes the file, has it taken on, says what came of it. Throws ConfigurationRefused, and what the parts throw. */
export async function changePeers(context: CommandContext, options: PeerChange): Promise<void> {
  const { config: file, json } = options;
  const socket = socketFrom({ config: file });
  const written = rewriteConfiguration(file, options.change);
  if (!written.ok) {
    if (!written.before && !json)
      context.writeError('Nothing was written: with that change the file would not be sound.\n');
    throw new ConfigurationRefused(file, written.problems);
  }
  const reload = await reloadIfRunning(socket);
  const inForce = force(file, reload);
  const ok = inForce !== 'refused' && inForce !== 'other-file';
  if (json) {
    const { changed, backup } = written;
    writeJson(context, {
      ...{ ok, changed, file, ...(changed ? { backup } : {}), done: options.done(), notes: options.notes(), inForce },
      ...(reload === undefined ? {} : { reload }),
    });
  } else {
    const kept = written.changed ? ` The file before is ${written.backup}.` : '';
    context.write(`${written.changed ? options.done() : `Nothing to change in ${file}.`}${kept}\n`);
    context.write(
      options
        .notes()
        .map((note) => `Note: ${note}\n`)
        .join(''),
    );
    context.write(forceText(inForce, reload));
  }
  context.finish(ok ? exitCode.ok : exitCode.failed);
}
