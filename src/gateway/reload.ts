/** Takes on a changed configuration file while the gateway runs: all of it that may change in service, or nothing. */
import type { Log } from '../base/log.ts';
import { formatProblem } from '../base/yaml/problem.ts';
import type { ReloadAnswer } from '../web/peers.ts';
import type { Health } from '../web/warnings.ts';
import { changedKeys } from './config/changedKeys.ts';
import { type Configuration, loadConfiguration } from './config/configuration.ts';
import type { LiveConfiguration } from './liveConfiguration.ts';

export type ReloadParts = {
  /** What the gateway was started with. */
  started: Configuration;
  live: LiveConfiguration;
  file: string;
  health: Health;
  log: Log;
  /** Called after a sound file was taken on: for what does not read the live configuration when it is used. */
  afterwards: ReadonlyArray<(config: Configuration) => void>;
  /** Reads the files of the TLS listeners again. */
  reloadTls(): Promise<ReloadAnswer['tls']>;
};

/** Answers what was done. A file with problems changes nothing; a warning stands until one without is read. */
export async function reloadConfiguration(parts: ReloadParts): Promise<ReloadAnswer> {
  const { live, file, health, log } = parts;
  const loaded = loadConfiguration(file);
  if (!loaded.ok) {
    const [first] = loaded.problems.map(formatProblem);
    const problems = loaded.problems.length;
    health.raise('config.reload-refused', { file, problems, first: first ?? '' });
    const message = 'the configuration file is not sound: the gateway goes on as before';
    log.error('config.reload-refused', message, { file, problems: loaded.problems.slice(0, 20).map(formatProblem) });
    return { file, reloaded: false, problems: loaded.problems.map(withoutFile), applied: [], needRestart: [], tls: [] };
  }
  const keysOf = (before: Configuration, applies: 'live' | 'restart') =>
    changedKeys(before, loaded.config)
      .filter((changed) => changed.applies === applies)
      .map(({ key }) => key);
  const applied = keysOf(live.view, 'live');
  const needRestart = keysOf(parts.started, 'restart');
  live.apply(loaded.config);
  health.clear('config.reload-refused');
  health.set(needRestart.length > 0, 'config.restart-needed', { keys: needRestart.join(', ') });
  for (const one of parts.afterwards) one(live.view);
  log.info('config.reloaded', 'the configuration file was read again', { file, applied, needRestart });
  return { file, reloaded: true, problems: [], applied, needRestart, tls: await parts.reloadTls() };
}

function withoutFile({ line, column, key, message, hint }: ReloadAnswer['problems'][number]) {
  return { line, column, key, message, ...(hint === undefined ? {} : { hint }) };
}
