/**
 * Health is a list of declared warnings: each thing that may be wrong has one entry in this table, and whoever notices
 * it raises it by its code. Page, API, metrics and command line only render what is raised.
 */
import { formatTimes } from './format.ts';

/** info: good to know; warning: will need somebody; error: something does not work; critical: instances are turned away. */
export type Severity = 'info' | 'warning' | 'error' | 'critical';

export type WarningDeclaration<Params> = {
  title: string;
  severity: Severity;
  text: (params: Params) => string;
  /** What mends it, for the person on duty. */
  hint: string;
  /** It shows only after it has lasted so long: what mends itself in seconds wakes nobody. */
  visibleAfterMs?: number;
  /** While it lasts the gateway is not ready for senders (`/readyz` answers 503). */
  blocksReadiness?: true;
};

const declare = <Table extends Record<string, WarningDeclaration<never>>>(table: Table) => table;

const expires = (p: { what: string; days: number; date: string }) =>
  `${p.what} expires ${p.days < 1 ? 'within a day' : `in ${p.days} days`}, on ${p.date}.`;
const renewalHint =
  'Put a new one in place of ours, which is taken on in service; ask for a new one where a sender has to renew its own.';

export const warningTable = declare({
  'gateway.starting': {
    title: 'Starting',
    severity: 'info',
    text: () => 'The gateway is starting and does not listen yet.',
    hint: 'Recovery of a large spool takes a while; the log says how far it is.',
    blocksReadiness: true,
  },
  'gateway.stopping': {
    title: 'Stopping',
    severity: 'info',
    text: () => 'The gateway is stopping and takes no new associations.',
    hint: 'What was acknowledged is on disk and is delivered after the next start.',
    blocksReadiness: true,
  },
  'listener.failed': {
    title: 'A listener does not listen',
    severity: 'critical',
    text: (p: { listener: string; address: string; reason: string }) =>
      `Listener ${p.listener} cannot listen on ${p.address}: ${p.reason}`,
    hint: 'Free the port or give the listener another; `medusa-gateway check` shows which are in use.',
    blocksReadiness: true,
  },
  'listener.plain-exposed': {
    title: 'DICOM without TLS on the network',
    severity: 'warning',
    text: (p: { listener: string; address: string }) =>
      `Listener ${p.listener} takes plain DICOM on ${p.address}: anybody on that network can read along.`,
    hint: 'Use a TLS listener, or bind the plain one to 127.0.0.1.',
  },
  'api.exposed': {
    title: 'Status page on the network',
    severity: 'warning',
    text: (p: { address: string }) => `The status page listens on ${p.address} and has no access control.`,
    hint: 'Set api.host to 127.0.0.1.',
  },
  'tls.certificate-expiring-later': {
    title: 'A certificate expires within 60 days',
    severity: 'info',
    text: expires,
    hint: renewalHint,
  },
  'tls.certificate-expiring': {
    title: 'A certificate expires within 30 days',
    severity: 'warning',
    text: expires,
    hint: renewalHint,
  },
  'tls.certificate-expires-now': {
    title: 'A certificate expires within 7 days',
    severity: 'error',
    text: expires,
    hint: renewalHint,
  },
  'tls.certificate-expired': {
    title: 'A certificate has expired',
    severity: 'error',
    text: (p: { what: string; date: string }) => `${p.what} expired on ${p.date}: connections with it are refused.`,
    hint: renewalHint,
  },
  'tls.crl-expiring': {
    title: 'A revocation list ends soon',
    severity: 'warning',
    text: (p: { listener: string; date: string }) =>
      `A revocation list of listener ${p.listener} ends on ${p.date}; from then on senders of its authority are refused.`,
    hint: "Put the authority's new list into crlFile: it is taken on in service.",
  },
  'tls.crl-expired': {
    title: 'A revocation list is out of date',
    severity: 'critical',
    text: (p: { listener: string; date: string }) =>
      `A revocation list of listener ${p.listener} ended on ${p.date}: senders of its authority are refused.`,
    hint: "Put the authority's new list into crlFile: it is taken on in service.",
  },
  'tls.reload-failed': {
    title: 'New TLS files are not used',
    severity: 'error',
    text: (p: { listener: string; problem: string }) =>
      `The TLS files of listener ${p.listener} have changed, but are not used: ${p.problem}. What was read before stays in use.`,
    hint: 'Mend the files; they are looked at again when they change, or with `medusa-gateway reload`.',
  },
  'peers.none': {
    title: 'Nobody may send',
    severity: 'warning',
    text: () => 'No peers are configured, so every association is rejected.',
    hint: '`medusa-gateway peers list` shows who knocked, `medusa-gateway peers add` admits them.',
  },
  'peers.learning': {
    title: 'Learn mode is on',
    severity: 'warning',
    text: (p: { until: string }) =>
      `Until ${p.until} callers with unknown certificates get as far as their request. They are recorded and rejected.`,
    hint: 'See who knocked with `medusa-gateway peers list`; end it with `medusa-gateway peers learn --off`.',
  },
  'config.reload-refused': {
    title: 'The configuration file is not sound',
    severity: 'error',
    text: (p: { file: string; problems: number; first: string }) =>
      `${p.file} was not taken on: ${p.problems} problems, the first: ${p.first}`,
    hint: 'The gateway goes on as before, but would not start again. Mend the file, then `medusa-gateway reload`.',
  },
  'config.restart-needed': {
    title: 'The configuration file has changes that wait for a restart',
    severity: 'info',
    text: (p: { keys: string }) => `These take effect at the next start: ${p.keys}.`,
    hint: 'Restart the gateway when it suits; nothing acknowledged is lost by it.',
  },
  'limits.reached': {
    title: 'A limit turns senders away',
    severity: 'warning',
    text: (p: { key: string; count: number; caller: string }) =>
      `${p.key} was reached ${formatTimes(p.count)} in the last 5 minutes, the last time by ${p.caller}.`,
    hint: 'If these are senders of yours, raise that key (or have them ask for less); if not, keep them away from the port.',
  },
  'routes.none': {
    title: 'Nothing is delivered',
    severity: 'warning',
    text: () => 'No routes are configured: instances are kept, but go nowhere.',
    hint: 'Add a store and a route to it.',
  },
  'routes.unclaimed': {
    title: 'Instances that no route takes',
    severity: 'warning',
    text: (p: { count: number }) => `${p.count} instances match no route: they are kept, but go nowhere.`,
    hint: 'Add or widen a route; they are looked at again at the next start.',
  },
  'store.unknown': {
    title: 'Deliveries to a store that is not configured',
    severity: 'error',
    text: (p: { store: string; count: number }) =>
      `${p.count} deliveries wait for store ${p.store}, which is not configured.`,
    hint: 'Put the store back into the configuration until they are delivered.',
  },
  'receipts.unusable': {
    title: 'Delivery is paused: the receipts cannot be continued',
    severity: 'critical',
    text: (p: { reason: string }) =>
      `The receipt ledger cannot be opened: ${p.reason}. Instances are received and kept.`,
    hint: 'See the log (event gateway.receipts-unusable); mend the ledger and restart.',
  },
  'spool.refusing': {
    title: 'New instances are refused',
    severity: 'critical',
    text: (p: { reason: string }) => `Senders are answered A700 (out of resources): ${p.reason}.`,
    hint: 'Deliver what waits (see the stores below), or raise spool.quota. Nothing that was acknowledged is lost.',
    blocksReadiness: true,
  },
  'spool.nearly-full': {
    title: 'The spool is filling up',
    severity: 'warning',
    text: (p: { percent: number }) => `${p.percent} % of the quota are in use.`,
    hint: 'Look why delivery lags behind; at 100 % senders are refused.',
  },
  'spool.disk-nearly-full': {
    title: 'The disk of the spool is filling up',
    severity: 'warning',
    text: (p: { free: string; needed: string }) =>
      `The file system has ${p.free} left, the quota would need ${p.needed} more.`,
    hint: 'Free space on the disk or lower spool.quota.',
  },
  'spool.damaged': {
    title: 'Records in the spool are damaged',
    severity: 'error',
    text: (p: { count: number }) => `${p.count} records fail their checksum.`,
    hint: 'Check the disk, then run `medusa-gateway spool check`, which names them.',
  },
  'spool.conflicts': {
    title: 'An instance came twice with different content',
    severity: 'warning',
    text: (p: { count: number }) => `${p.count} instances came again with other bytes; both versions are kept.`,
    hint: 'Ask the sender why; `medusa-gateway spool list` shows the versions.',
  },
  'store.unavailable': {
    title: 'A store cannot be reached',
    severity: 'error',
    text: (p: { store: string; reason: string; queued: number }) =>
      `Store ${p.store}: ${p.reason}. ${p.queued} objects wait.`,
    hint: 'Nothing is lost; delivery goes on by itself when the store answers. See `medusa-gateway check`.',
    visibleAfterMs: 15_000,
  },
  'store.refuses': {
    title: 'A store refuses us',
    severity: 'error',
    text: (p: { store: string; reason: string }) => `Store ${p.store}: ${p.reason}.`,
    hint: 'Check bucket, key and rights; then `medusa-gateway queue retry --all`.',
  },
  'delivery.quarantined': {
    title: 'Deliveries are in quarantine',
    severity: 'error',
    text: (p: { count: number; store: string }) => `${p.count} deliveries to store ${p.store} failed for good.`,
    hint: '`medusa-gateway queue list --state quarantined` says why; mend it, then `queue retry`.',
  },
  'app.quarantined': {
    title: 'Tasks of split applications are in quarantine',
    severity: 'error',
    text: (p: { count: number; application: string }) =>
      `${p.count} tasks of application ${p.application} failed for good; nothing of them was delivered.`,
    hint: '`medusa-gateway app runs --state quarantined` says why; mend it, then `app retry`.',
  },
  'app.promise-broken': {
    title: 'An application sends more than it promised',
    severity: 'warning',
    text: (p: { application: string; study: string; percent: string; promised: string }) =>
      `The last run of ${p.application} (study ${p.study}) sends ${p.percent} of what came in; it promised at most ${p.promised}.`,
    hint: 'Ask its author, or correct the promise in its manifest (placement.bandwidth).',
  },
  'app.waits': {
    title: 'A split application waits for something that is away',
    severity: 'error',
    text: (p: { application: string; message: string; hint: string }) =>
      `Application ${p.application} waits: ${p.message}. ${p.hint}.`,
    hint: 'Nothing is lost: its tasks are tried again by themselves. Reception goes on.',
  },
  'app.results-full': {
    title: 'Split applications wait for room',
    severity: 'error',
    text: (p: { reason: string }) => `No task is begun: ${p.reason}.`,
    hint: 'Deliver what waits (see the stores), or raise spool.resultsQuota.',
  },
  'app.manifest-unusable': {
    title: 'Manifests of split applications are not sound',
    severity: 'warning',
    text: (p: { problems: number; first: string }) => `${p.problems} problems, the first: ${p.first}`,
    hint: '`medusa-gateway app list` shows all; what is broken disables nothing but itself.',
  },
  'app.route-unusable': {
    title: 'Routes deliver nothing: their application cannot be used',
    severity: 'error',
    text: (p: { routes: string; reason: string }) =>
      `What is received for ${p.routes} is kept and goes nowhere, also by other routes: ${p.reason}.`,
    hint: 'Mend the manifest or the folder (`medusa-gateway check`), then restart: what was kept is routed then.',
  },
  'sandbox.unavailable': {
    title: 'Foreign data parts cannot be run here',
    severity: 'error',
    text: (p: { reason: string }) => `The sandbox is not available: ${p.reason}.`,
    hint: 'See docs/split-applications.md for what the machine needs; applications with a command wait.',
  },
  'security.malware': {
    title: 'Malware was found',
    severity: 'error',
    text: (p: { count: number; application: string; sopInstanceUid: string; finding: string }) =>
      `${p.count} instances since the start; the last, ${p.sopInstanceUid} (application ${p.application}): ${p.finding}.`,
    hint: 'It is in quarantine and was not delivered. Look at the sender; the log has each (event security.malware).',
  },
  'commitment.unreported': {
    title: 'Storage commitment reports are not taken',
    severity: 'warning',
    text: (p: { peer: string; reports: number; reason: string }) =>
      `${p.reports} reports for ${p.peer} wait: ${p.reason}.`,
    hint: 'They are tried again; check host, port and TLS of its storageCommitment.report, and what its receiver logs.',
    visibleAfterMs: 60_000,
  },
  'commitment.dropped': {
    title: 'Storage commitment reports were given up',
    severity: 'error',
    text: (p: { count: number }) =>
      `${p.count} reports were taken by nobody until they were given up: the senders do not know what became of their requests.`,
    hint: 'The log names them (event commitment.report-dropped); mend the way to the receiver, then let the sender ask again.',
  },
  'commitment.damaged': {
    title: 'Storage commitment requests were lost on disk',
    severity: 'error',
    text: (p: { count: number }) =>
      `${p.count} files of pending requests are damaged and were set aside, or cannot be read.`,
    hint: 'Look at the disk; the senders get no report of these, and can ask again. The log names the files.',
  },
  'courier.failing': {
    title: 'The courier keeps failing',
    severity: 'error',
    text: (p: { count: number; minutes: number }) =>
      `The courier process ended ${p.count} times in ${p.minutes} minutes.`,
    hint: 'The log says why (event courier.exited). Reception goes on meanwhile.',
    visibleAfterMs: 5_000,
  },
});

export type WarningCode = keyof typeof warningTable;

/** What the text of a warning is made with. */
export type WarningParams<Code extends WarningCode> =
  Parameters<(typeof warningTable)[Code]['text']> extends [infer Params] ? Params : Record<string, never>;

const declaration = (code: WarningCode): WarningDeclaration<never> => warningTable[code];

export type ActiveWarning = {
  code: WarningCode;
  /** What it is about, when the same thing can be wrong with several: the store, the listener. */
  subject?: string;
  severity: Severity;
  title: string;
  text: string;
  hint: string;
  since: number;
};

const rank: Record<Severity, number> = { critical: 0, error: 1, warning: 2, info: 3 };

/** The warnings that are raised. Raising one again keeps its `since` and takes the new text. */
export class Health {
  readonly #raised = new Map<string, ActiveWarning>();
  readonly #now: () => number;

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  raise<Code extends WarningCode>(code: Code, params: WarningParams<Code>, subject?: string): void {
    const { severity, title, hint } = declaration(code);
    const text = warningTable[code].text as (params: WarningParams<Code>) => string;
    const id = `${code} ${subject ?? ''}`;
    const since = this.#raised.get(id)?.since ?? this.#now();
    const about = subject === undefined ? {} : { subject };
    this.#raised.set(id, { code, ...about, severity, title, text: text(params), hint, since });
  }

  clear(code: WarningCode, subject?: string): void {
    this.#raised.delete(`${code} ${subject ?? ''}`);
  }

  /** Raises or clears, by `condition`. */
  set<Code extends WarningCode>(condition: boolean, code: Code, params: WarningParams<Code>, subject?: string): void {
    if (condition) this.raise(code, params, subject);
    else this.clear(code, subject);
  }

  /** Worst first, then oldest first; those that have not lasted long enough to show are left out. */
  active(): ActiveWarning[] {
    const now = this.#now();
    return [...this.#raised.values()]
      .filter(({ code, since }) => now - since >= (declaration(code).visibleAfterMs ?? 0))
      .sort((a, b) => rank[a.severity] - rank[b.severity] || a.since - b.since);
  }
}

/** The warnings that keep senders away. */
export function readinessBlockers(active: readonly ActiveWarning[]): ActiveWarning[] {
  return active.filter(({ code }) => declaration(code).blocksReadiness === true);
}
