import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/base/errors.ts';
import { createMemoryLog } from '../../src/base/log.ts';
import { askGateway } from '../../src/web/client.ts';
import { type Api, startApi } from '../../src/web/server.ts';
import type { GatewayStatus } from '../../src/web/status.ts';
import { sampleSources, sampleStatus } from './sampleStatus.ts';

let folder: string;
let socketPath: string;
const started: Api[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-api-'));
  socketPath = join(folder, 'api.sock');
});
afterEach(async () => {
  for (const api of started.splice(0)) await api.stop();
  rmSync(folder, { recursive: true });
});

const anyPort = { host: '127.0.0.1', port: 0 };

async function start(sources = sampleSources(), tcp: { host: string; port: number } | 'none' = anyPort) {
  const { log, lines } = createMemoryLog();
  const api = await startApi({ socketPath, tcp: tcp === 'none' ? undefined : tcp, sources, log });
  started.push(api);
  return { api, lines, port: Number(new URL(api.pageUrl ?? 'http://x:0').port) };
}

type Answer = { status: number; headers: IncomingHttpHeaders; body: string };
type Ask = { method?: string; path?: string; headers?: Record<string, string>; body?: string };

function ask(
  where: { port: number } | { socketPath: string },
  { method = 'GET', path = '/', headers = {}, body }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', ...where, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const jsonBody = { 'content-type': 'application/json' };

describe('what can be read', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', 'clinic-north'],
    ['/healthz', 'application/json; charset=utf-8', '{"alive":true}'],
    ['/readyz', 'application/json; charset=utf-8', '{"ready":true,"reasons":[]}'],
    ['/metrics', 'application/openmetrics-text; version=1.0.0; charset=utf-8', '# EOF'],
    ['/v1/status', 'application/json; charset=utf-8', '"site":"clinic-north"'],
    ['/v1/queue', 'application/json; charset=utf-8', '"next":7'],
    ['/v1/queue/7', 'application/json; charset=utf-8', '403 AccessDenied'],
    ['/v1/studies', 'application/json; charset=utf-8', '"studyInstanceUid":"1.2"'],
    ['/v1/receipts?from=12', 'application/json; charset=utf-8', '{"receipts":[{"seq":12}]}'],
  ])('%s, over TCP and at the socket', async (path, type, part) => {
    const { port } = await start();
    for (const where of [{ port }, { socketPath }]) {
      const answer = await ask(where, { path });
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': type, 'cache-control': 'no-store' } });
      expect(answer.body).toContain(part);
    }
  });

  it('HEAD gives the head alone', async () => {
    const { port } = await start();
    const whole = await ask({ port }, { path: '/v1/studies' });
    const head = await ask({ port }, { path: '/v1/studies', method: 'HEAD' });
    expect(head).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': String(Buffer.byteLength(whole.body)) },
    });
  });

  it('the page forbids everything but itself', async () => {
    const { port } = await start();
    const { headers } = await ask({ port });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
  });

  it('a gateway that refuses instances is alive, but not ready', async () => {
    const refusing = {
      code: 'spool.refusing',
      severity: 'critical',
      title: '',
      text: 'full',
      hint: '',
      since: 0,
    } as const;
    const { port } = await start(sampleSources(sampleStatus({ warnings: [refusing] })));
    expect(await ask({ port }, { path: '/healthz' })).toMatchObject({ status: 200 });
    const { status, body } = await ask({ port }, { path: '/readyz' });
    expect([status, JSON.parse(body)]).toEqual([
      503,
      { ready: false, reasons: [{ code: 'spool.refusing', text: 'full' }] },
    ]);
  });

  it('queries reach the sources, bounded', async () => {
    const sources = sampleSources();
    const { port } = await start(sources);
    await ask({ port }, { path: '/v1/queue?state=queued&state=inFlight&store=a%26b&after=5&limit=99999999' });
    await ask({ port }, { path: '/v1/studies?after=1.2.3' });
    expect(sources.asked).toEqual([
      { states: ['queued', 'inFlight'], store: 'a&b', after: 5, limit: 1000 },
      { after: '1.2.3', limit: 100 },
    ]);
  });
});

describe('what is refused', () => {
  it.each<[string, Ask, number, string]>([
    ['an unknown path', { path: '/etc/passwd' }, 404, 'api.not-found'],
    ['a name of every object', { path: '/constructor' }, 404, 'api.not-found'],
    ['an unknown delivery', { path: '/v1/queue/8' }, 404, 'queue.not-found'],
    ['a wrong number', { path: '/v1/receipts?from=-1' }, 400, 'api.bad-request'],
    ['a wrong state', { path: '/v1/queue?state=lost' }, 400, 'api.bad-request'],
    ['POST to what is read', { path: '/v1/status', method: 'POST', body: '' }, 405, 'api.method'],
    ['GET of what changes', { path: '/v1/queue/retry' }, 405, 'api.method'],
    [
      'a retry over TCP',
      { path: '/v1/queue/retry', method: 'POST', headers: jsonBody, body: '{"all":true}' },
      403,
      'api.local-only',
    ],
    [
      'runs tried again over TCP',
      { path: '/v1/runs/retry', method: 'POST', headers: jsonBody, body: '{"all":true}' },
      403,
      'api.local-only',
    ],
    ['a foreign name', { headers: { host: 'evil.example:8104' } }, 421, 'api.host'],
  ])('%s', async (_name, asked, status, code) => {
    const { port } = await start();
    const answer = await ask({ port }, asked);
    expect([answer.status, (JSON.parse(answer.body) as { error: { code: string } }).error.code]).toEqual([
      status,
      code,
    ]);
  });

  it('more than anybody has to say', async () => {
    await start();
    const answer = await ask(
      { socketPath },
      { path: '/v1/queue/retry', method: 'POST', headers: jsonBody, body: 'x'.repeat(65_537) },
    );
    expect(answer.status).toBe(413);
  });

  it('what is no HTTP, without harm to others', async () => {
    const { port } = await start();
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('\x16\x03\x01 not HTTP\r\n\r\n'));
      socket.on('close', () => resolve());
      socket.resume();
    });
    expect((await ask({ port }, { path: '/healthz' })).status).toBe(200);
  });
});

describe('retry at the socket', () => {
  it.each<[string, number, unknown]>([
    ['{"all":true}', 200, { retried: 3 }],
    ['{"id":7}', 200, { retried: 1 }],
    ['{"id":8}', 404, expect.anything()],
    ['{"id":7,"all":true}', 400, expect.anything()],
    ['{"id":"7"}', 400, expect.anything()],
    ['{}', 400, expect.anything()],
    ['null', 400, expect.anything()],
    ['{', 400, expect.anything()],
  ])('%s', async (body, status, value) => {
    const { lines } = await start();
    const answer = await ask({ socketPath }, { path: '/v1/queue/retry', method: 'POST', headers: jsonBody, body });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, value]);
    expect(lines).toMatchObject([{ event: 'api.change', body, status }]);
  });

  it('takes JSON only, which no form of a foreign page can send', async () => {
    const sources = sampleSources();
    await start(sources);
    const answer = await ask(
      { socketPath },
      { path: '/v1/queue/retry', method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"all":true}' },
    );
    expect(answer.status).toBe(415);
    expect(sources.asked).toEqual([]);
  });
});

describe('a source that fails', () => {
  it('is answered 500 without inner details, and logged', async () => {
    const sources = sampleSources();
    sources.studies = () => {
      throw new Error('SELECT secret FROM inner');
    };
    sources.receipts = async () => {
      throw new GatewayError('the record cannot be read', {
        code: 'receipts.damaged',
        operation: 'read',
        hint: 'mend it',
      });
    };
    const { port, lines } = await start(sources);
    const inner = await ask({ port }, { path: '/v1/studies' });
    expect(inner.status).toBe(500);
    expect(inner.body).not.toContain('SELECT');
    const known = await ask({ port }, { path: '/v1/receipts' });
    expect(JSON.parse(known.body)).toMatchObject({ error: { code: 'receipts.damaged', hint: 'mend it' } });
    expect(lines.map(({ event }) => event)).toEqual(['api.failed', 'api.failed']);
  });
});

describe('the socket', () => {
  it('is open to owner and group only, and gone after the stop', async () => {
    const mask = process.umask();
    const { api } = await start();
    expect(statSync(socketPath).mode & 0o777).toBe(0o660);
    expect(process.umask()).toBe(mask);
    await api.stop();
    expect(existsSync(socketPath)).toBe(false);
  });

  it('is taken over from a gateway that was killed, but not from one that lives', async () => {
    writeFileSync(socketPath, ''); // nobody answers there, as after a kill
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'api.already-running' });
    expect(await askGateway(socketPath, '/healthz')).toEqual({ alive: true });
  });

  it('is closed again when the TCP port is taken', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    );
    await expect(start(sampleSources(), { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'api.cannot-listen',
      hint: expect.stringContaining('api.port'),
    });
    expect(existsSync(socketPath)).toBe(false);
    await new Promise((resolve) => other.close(resolve));
  });

  it('is there without TCP as well', async () => {
    const { api } = await start(sampleSources(), 'none');
    expect(api.pageUrl).toBeUndefined();
    expect(await askGateway(socketPath, '/healthz')).toEqual({ alive: true });
  });

  it('lets go of idle connections when it stops', async () => {
    const { api, port } = await start();
    const idle = connect(port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    const closed = new Promise((resolve) => idle.once('close', resolve));
    idle.resume();
    await api.stop();
    await closed;
  });
});

describe('askGateway', () => {
  it('gives what the gateway says', async () => {
    await start();
    expect((await askGateway<GatewayStatus>(socketPath, '/v1/status')).site).toBe('clinic-north');
    expect(await askGateway(socketPath, '/v1/queue/retry', { all: true })).toEqual({ retried: 3 });
  });

  it('turns a refusal into its error', async () => {
    await start();
    await expect(askGateway(socketPath, '/v1/queue/8')).rejects.toMatchObject({
      code: 'queue.not-found',
      subject: socketPath,
    });
  });

  it('says that no gateway runs', async () => {
    await expect(askGateway(socketPath, '/v1/status')).rejects.toMatchObject({ code: 'api.not-running' });
    writeFileSync(socketPath, '');
    await expect(askGateway(socketPath, '/v1/status')).rejects.toMatchObject({ code: 'api.not-running' });
  });
});
