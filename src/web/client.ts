/** Asks a running gateway over its Unix socket. */
import { request } from 'node:http';
import { GatewayError, systemCode } from '../base/errors.ts';

const timeoutMs = 10_000;
const maxAnswerBytes = 64 * 2 ** 20;

function unreachable(socketPath: string, error: unknown): GatewayError {
  const details = { operation: 'ask the gateway', subject: socketPath, cause: error };
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new GatewayError('no gateway is running here', {
        ...details,
        code: 'api.not-running',
        hint: 'start it with "medusa-gateway run --config FILE", or name its socket with --socket or --config',
      });
    case 'EACCES':
      return new GatewayError('this user may not ask the gateway', {
        ...details,
        code: 'api.forbidden',
        hint: 'run this as root, as the user of the gateway, or as a member of its group',
      });
    default:
      return new GatewayError('the gateway does not answer', { ...details, code: 'api.unreachable' });
  }
}

function refusal(socketPath: string, status: number, body: string): GatewayError {
  let told: { code?: unknown; message?: unknown; hint?: unknown } = {};
  try {
    told = (JSON.parse(body) as { error?: typeof told }).error ?? {};
  } catch {
    // not ours, or cut off: the status has to do
  }
  const text = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise);
  return new GatewayError(text(told.message, `the gateway answered ${status}`), {
    code: text(told.code, 'api.refused'),
    operation: 'ask the gateway',
    subject: socketPath,
    ...(typeof told.hint === 'string' ? { hint: told.hint } : {}),
  });
}

/**
 * The JSON that the gateway answers to GET, or to POST when `body` is given. Errors: `api.not-running`, `api.forbidden`,
 * `api.unreachable`, or the code that the gateway answered with. The type is the caller's claim: client and gateway are
 * of one version.
 */
export function askGateway<T>(socketPath: string, target: string, body?: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'localhost', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const asked = request({
      socketPath,
      path: target,
      method: body === undefined ? 'GET' : 'POST',
      headers,
      timeout: timeoutMs,
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    asked.on('error', (error) => reject(unreachable(socketPath, error)));
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) asked.destroy(new Error('the answer is too long'));
        chunks.push(chunk);
      });
      response.on('error', (error) => reject(unreachable(socketPath, error)));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const status = response.statusCode ?? 0;
        if (status !== 200) return reject(refusal(socketPath, status, text));
        try {
          resolve(JSON.parse(text) as T);
        } catch (error) {
          reject(unreachable(socketPath, error));
        }
      });
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
