/** Whether the addresses of the listeners and of the status page can be listened on. */
import { createServer } from 'node:net';
import { describeError, systemCode } from '../../../base/errors.ts';
import type { Configuration } from '../../config/configuration.ts';
import { type CheckResult, fail, ok } from './result.ts';

/** Binds and lets go; undefined when that worked. */
function tryListening(host: string, port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function checkPort(subject: string, host: string, port: number, running: boolean): Promise<CheckResult> {
  const where = `${host} port ${port}`;
  const error = await tryListening(host, port);
  if (error === undefined) return ok(subject, port === 0 ? `${host}, any free port` : `${where} is free`);
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      if (running) return ok(subject, `${where} is in use, as it should while the gateway runs`);
      return fail(subject, `${where} is in use by another program`, `find it with: ss -ltnp 'sport = :${port}'`);
    case 'EADDRNOTAVAIL':
      return fail(subject, `${host} is no address of this machine`, 'see "ip address" for those it has');
    case 'EACCES':
      return fail(subject, `this user may not listen on port ${port}`, 'ports below 1024 need CAP_NET_BIND_SERVICE');
    default:
      return fail(subject, `cannot listen on ${where}: ${describeError(error)}`);
  }
}

/** `running`: a gateway answers at this configuration's socket, so its ports are in use by itself. */
export function checkPorts({ listeners, api }: Configuration, running: boolean): Promise<CheckResult[]> {
  const doors = listeners.map(({ name, host, port }) => ({ subject: `listeners ${name}`, host, port }));
  if (api.enabled) doors.push({ subject: 'api', host: api.host, port: api.port });
  return Promise.all(doors.map(({ subject, host, port }) => checkPort(subject, host, port, running)));
}
