/** The API's answers. Pure: a request comes in as a value, the answer goes out as one; the server does the sockets. */
import { GatewayError } from '../base/errors.ts';
import { isAllowedHost } from './hostHeader.ts';
import { renderMetrics, statusMetrics } from './metrics.ts';
import { pagePolicy, renderPage } from './page.ts';
import type { ApiSources, QueueState, RetrySelection, RunState } from './status.ts';
import { readinessBlockers } from './warnings.ts';

export type ApiRequest = {
  /** Which door it came in by. What changes something is served at the Unix socket only. */
  door: 'unix' | 'tcp';
  method: string;
  /** Path and query. */
  target: string;
  host: string | undefined;
  contentType: string | undefined;
  body: string;
};

export type ApiAnswer = { status: number; headers: Record<string, string>; body: string };

const maxPage = 1000;
const defaultPage = 100;

class HttpError extends Error {
  readonly answer: ApiAnswer;

  constructor(status: number, code: string, message: string, hint?: string, headers: Record<string, string> = {}) {
    super(message);
    const error = { code, message, ...(hint === undefined ? {} : { hint }) };
    this.answer = json({ error }, status, headers);
  }
}

function json(value: unknown, status = 200, headers: Record<string, string> = {}): ApiAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: `${JSON.stringify(value)}\n`,
  };
}

function text(body: string, contentType: string, headers: Record<string, string> = {}): ApiAnswer {
  return { status: 200, headers: { 'content-type': contentType, ...headers }, body };
}

const badRequest = (message: string, hint?: string) => new HttpError(400, 'api.bad-request', message, hint);

/** A whole number of the query, or `fallback` when it is not there. */
function wholeNumber(query: URLSearchParams, name: string, fallback: number): number {
  const written = query.get(name);
  if (written === null) return fallback;
  if (!/^\d{1,15}$/.test(written)) throw badRequest(`"${name}" has to be a whole number`);
  return Number(written);
}

function limitOf(query: URLSearchParams): number {
  return Math.min(maxPage, Math.max(1, wholeNumber(query, 'limit', defaultPage)));
}

const queueStates: readonly QueueState[] = ['queued', 'inFlight', 'quarantined', 'delivered'];

const runStates: readonly RunState[] = ['gathering', 'due', 'finished', 'skipped', 'quarantined'];

function statesOf<State extends string>(query: URLSearchParams, states: readonly State[]): State[] {
  return query.getAll('state').map((written) => {
    const state = states.find((known) => known === written);
    if (!state) throw badRequest(`there is no state "${written}"`, `states: ${states.join(', ')}`);
    return state;
  });
}

function listQueue(query: URLSearchParams, sources: ApiSources): ApiAnswer {
  const states = statesOf(query, queueStates);
  const store = query.get('store');
  const after = wholeNumber(query, 'after', -1);
  return json(
    sources.queue({
      limit: limitOf(query),
      ...(states.length === 0 ? {} : { states }),
      ...(store === null ? {} : { store }),
      ...(after < 0 ? {} : { after }),
    }),
  );
}

function showQueueEntry(id: number, sources: ApiSources): ApiAnswer {
  const entry = sources.queueEntry(id);
  if (!entry) throw new HttpError(404, 'queue.not-found', `there is no delivery ${id}`);
  return json(entry);
}

function listRuns(query: URLSearchParams, sources: ApiSources): ApiAnswer {
  const states = statesOf(query, runStates);
  const application = query.get('application');
  const after = wholeNumber(query, 'after', -1);
  return json(
    sources.runs({
      limit: limitOf(query),
      ...(states.length === 0 ? {} : { states }),
      ...(application === null ? {} : { application }),
      ...(after < 0 ? {} : { after }),
    }),
  );
}

function showRun(id: number, sources: ApiSources): ApiAnswer {
  const entry = sources.run(id);
  if (!entry) throw new HttpError(404, 'runs.not-found', `there is no run ${id}`);
  return json(entry);
}

function retryRuns(request: ApiRequest, sources: ApiSources): ApiAnswer {
  onlyLocally(request, 'app retry');
  const selection = selectionOf(request);
  const retried = sources.retryRuns(selection);
  if ('id' in selection && retried === 0) {
    throw new HttpError(
      404,
      'runs.not-found',
      `there is no run ${selection.id} in which something could be tried again`,
    );
  }
  return json({ retried });
}

function listStudies(query: URLSearchParams, sources: ApiSources): ApiAnswer {
  const after = query.get('after');
  return json(sources.studies({ limit: limitOf(query), ...(after === null ? {} : { after }) }));
}

/** What changes something, or tells of strangers, is answered to those who may open the local socket. */
function onlyLocally(request: ApiRequest, command: string): void {
  if (request.door === 'unix') return;
  const message = 'this is answered at the local socket only: TCP has no access control yet';
  throw new HttpError(403, 'api.local-only', message, `use "medusa-gateway ${command}" on the machine of the gateway`);
}

function bodyOf(request: ApiRequest): Record<string, unknown> {
  // A form of another site's page cannot send this content type without asking first.
  if (!/^application\/json\b/.test(request.contentType ?? '')) {
    throw new HttpError(415, 'api.content-type', 'the content type has to be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw badRequest('the body is not JSON');
  }
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function selectionOf(request: ApiRequest): RetrySelection {
  const { id, all } = bodyOf(request);
  if (Number.isSafeInteger(id) && all === undefined) return { id: id as number };
  if (all === true && id === undefined) return { all: true };
  throw badRequest('say either {"id": number} or {"all": true}');
}

function retry(request: ApiRequest, sources: ApiSources): ApiAnswer {
  onlyLocally(request, 'queue retry');
  const selection = selectionOf(request);
  const retried = sources.retry(selection);
  if ('id' in selection && retried === 0) {
    throw new HttpError(404, 'queue.not-found', `there is no delivery ${selection.id} that waits or is in quarantine`);
  }
  return json({ retried });
}

function learn(request: ApiRequest, sources: ApiSources): ApiAnswer {
  onlyLocally(request, 'peers learn');
  const { forMs, off } = bodyOf(request);
  if (off === true && forMs === undefined) return json(sources.learn({ off: true }));
  if (Number.isSafeInteger(forMs) && Number(forMs) > 0 && off === undefined) {
    return json(sources.learn({ forMs: Number(forMs) }));
  }
  throw badRequest('say either {"forMs": milliseconds} or {"off": true}');
}

async function reload(request: ApiRequest, sources: ApiSources): Promise<ApiAnswer> {
  onlyLocally(request, 'reload');
  bodyOf(request);
  return json(await sources.reload());
}

function peers(request: ApiRequest, sources: ApiSources): ApiAnswer {
  onlyLocally(request, 'peers list');
  return json(sources.peers());
}

function readiness(sources: ApiSources): ApiAnswer {
  const blockers = readinessBlockers(sources.status().warnings);
  const ready = blockers.length === 0;
  return json({ ready, reasons: blockers.map(({ code, text }) => ({ code, text })) }, ready ? 200 : 503);
}

function statusPage(sources: ApiSources): ApiAnswer {
  return text(renderPage(sources.status()), 'text/html; charset=utf-8', {
    'content-security-policy': pagePolicy,
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
}

const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

type Handler = (request: ApiRequest, query: URLSearchParams, sources: ApiSources) => ApiAnswer | Promise<ApiAnswer>;

const get = new Map<string, Handler>(
  Object.entries({
    '/': (_request, _query, sources) => statusPage(sources),
    '/healthz': () => json({ alive: true }),
    '/readyz': (_request, _query, sources) => readiness(sources),
    '/metrics': (_request, _query, sources) => text(renderMetrics(statusMetrics(sources.status())), openMetrics),
    '/v1/status': (_request, _query, sources) => json(sources.status()),
    '/v1/peers': (request, _query, sources) => peers(request, sources),
    '/v1/queue': (_request, query, sources) => listQueue(query, sources),
    '/v1/runs': (_request, query, sources) => listRuns(query, sources),
    '/v1/studies': (_request, query, sources) => listStudies(query, sources),
    '/v1/receipts': async (_request, query, sources) =>
      json(await sources.receipts({ from: wholeNumber(query, 'from', 1), limit: limitOf(query) })),
  } satisfies Record<string, Handler>),
);

const post = new Map<string, Handler>(
  Object.entries({
    '/v1/peers/learn': (request, _query, sources) => learn(request, sources),
    '/v1/reload': (request, _query, sources) => reload(request, sources),
    '/v1/runs/retry': (request, _query, sources) => retryRuns(request, sources),
    '/v1/queue/retry': (request, _query, sources) => retry(request, sources),
  } satisfies Record<string, Handler>),
);

function handlerFor(path: string): { method: 'GET' | 'POST'; handle: Handler } | undefined {
  const reading = get.get(path);
  if (reading) return { method: 'GET', handle: reading };
  const changing = post.get(path);
  if (changing) return { method: 'POST', handle: changing };
  const [, list, id] = /^\/v1\/(queue|runs)\/(\d{1,15})$/.exec(path) ?? [];
  if (id === undefined) return undefined;
  const show = list === 'queue' ? showQueueEntry : showRun;
  return { method: 'GET', handle: (_request, _query, sources) => show(Number(id), sources) };
}

function dispatch(request: ApiRequest, sources: ApiSources, configuredHost: string): ApiAnswer | Promise<ApiAnswer> {
  if (request.door === 'tcp' && !isAllowedHost(request.host, configuredHost)) {
    const hint = 'open the page by the address of the gateway, not by a name';
    throw new HttpError(421, 'api.host', 'the Host header names no address of this gateway', hint);
  }
  const [path = '/', search = ''] = request.target.split('?', 2);
  const handler = handlerFor(path);
  if (!handler) throw new HttpError(404, 'api.not-found', 'there is nothing here', 'begin at / or /v1/status');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (method !== handler.method) {
    const allow = handler.method === 'GET' ? 'GET, HEAD' : 'POST';
    throw new HttpError(405, 'api.method', `this takes ${allow} only`, undefined, { allow });
  }
  return handler.handle(request, new URLSearchParams(search), sources);
}

/**
 * Answers one request. `configuredHost` is api.host: together with addresses and localhost it is what a browser may have
 * called us. Rejects only with what the sources throw, which the server answers with 500.
 */
export async function answer(request: ApiRequest, sources: ApiSources, configuredHost: string): Promise<ApiAnswer> {
  let result: ApiAnswer;
  try {
    result = await dispatch(request, sources, configuredHost);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    result = error.answer;
  }
  const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...result.headers };
  return { ...result, headers };
}

/** What a source's failure looks like outside: its code and hint, never a stack. */
export function failureAnswer(error: unknown): ApiAnswer {
  const known = error instanceof GatewayError;
  const { answer } = new HttpError(
    500,
    known ? error.code : 'api.failed',
    known ? error.message : 'the gateway could not answer; its log says why',
    known ? error.hint : undefined,
  );
  return answer;
}
