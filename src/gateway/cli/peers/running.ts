/** What commands about peers ask of a gateway that may or may not run. */
import { GatewayError } from '../../../base/errors.ts';
import { askGateway } from '../../../web/client.ts';
import type { ReloadAnswer } from '../../../web/peers.ts';

/** The answer, or undefined when no gateway runs here. Throws the rest of what `askGateway` throws. */
export async function askIfRunning<T>(socket: string, target: string, body?: unknown): Promise<T | undefined> {
  try {
    return await askGateway<T>(socket, target, body);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'api.not-running') return undefined;
    throw error;
  }
}

/** Has the running gateway read its configuration again; undefined when none runs. */
export const reloadIfRunning = (socket: string) => askIfRunning<ReloadAnswer>(socket, '/v1/reload', {});

const listed = (keys: readonly string[]) => keys.join(', ');

export function renderReload({ file, reloaded, problems, applied, needRestart, tls }: ReloadAnswer): string {
  if (!reloaded) {
    const lines = problems.map(({ line, column, key, message, hint }) => {
      const place = line > 0 ? `${file}:${line}:${column}` : file;
      return `${place}:${key === '' ? '' : ` ${key}:`} ${message}${hint === undefined ? '' : `\n    ${hint}`}\n`;
    });
    return `${lines.join('')}Nothing was changed: the gateway goes on as before.\n`;
  }
  const none = applied.length === 0 && needRestart.length === 0;
  return [
    none ? 'The configuration is in force as it stands in the file.\n' : '',
    applied.length > 0 ? `In force now: ${listed(applied)}\n` : '',
    needRestart.length > 0 ? `At the next start: ${listed(needRestart)}\n` : '',
    ...tls.map(({ listener, state, problem }) => {
      if (state === 'unchanged') return '';
      if (state === 'reloaded') return `Listener ${listener} uses its new TLS files.\n`;
      return `Listener ${listener} does not use its new TLS files: ${problem}\n`;
    }),
  ].join('');
}
