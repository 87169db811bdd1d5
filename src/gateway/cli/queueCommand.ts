import { type Command, Option } from 'commander';
import { askGateway } from '../../web/client.ts';
import { formatDuration, formatSize, formatTime } from '../../web/format.ts';
import type { QueuedResult, QueueEntry, QueuePage } from '../../web/status.ts';
import { type CommandContext, runCommand, socketFrom, UsageError, writeJson } from './context.ts';
import { wholeNumber, withExamples, withJson, withSocket } from './options.ts';
import { table } from './table.ts';

type Common = { config?: string; socket?: string; json?: boolean };
type ListOptions = Common & { state?: string[]; store?: string; after?: number; limit: number };

function nextAttempt(entry: QueueEntry, now: number): string {
  if (entry.state !== 'queued') return '';
  const wait = (entry.nextAttemptAt ?? now) - now;
  return wait <= 0 ? 'now' : `in ${formatDuration(wait)}`;
}

const applicationOf = ({ application, version }: QueuedResult) => `${application}@${version}`;

/** Pure. */
export function renderQueue(page: QueuePage, now: number): string {
  if (page.entries.length === 0) return 'Nothing there.\n';
  // Only a site with split applications has the column.
  const made = page.entries.some(({ result }) => result !== undefined);
  const rows = page.entries.map((entry) => [
    String(entry.id),
    entry.state,
    entry.store,
    formatSize(entry.bytes),
    String(entry.attempts),
    nextAttempt(entry, now),
    entry.lastError?.code ?? '',
    ...(made ? [entry.result === undefined ? '' : applicationOf(entry.result)] : []),
    entry.key,
  ]);
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    right('ID'),
    { title: 'STATE' },
    { title: 'STORE' },
    right('SIZE'),
    right('TRIES'),
    { title: 'NEXT' },
    { title: 'ERROR' },
    ...(made ? [{ title: 'APPLICATION' }] : []),
    { title: 'KEY' },
  ];
  const more = page.next === undefined ? '' : `\nThere is more: --after ${page.next}\n`;
  return table(columns, rows) + more;
}

/** Pure. */
export function renderEntry(entry: QueueEntry, now: number): string {
  const { lastError, result } = entry;
  const rows: Array<[string, string | undefined]> = [
    ['delivery', String(entry.id)],
    ['state', entry.state],
    ['store', entry.store],
    ['key', entry.key],
    ['application', result && `${applicationOf(result)}, revision ${result.revision}`],
    ['study', result?.study],
    ['made from', result && `${result.from} ${result.from === 1 ? 'instance' : 'instances'}`],
    ['size', formatSize(entry.bytes)],
    ['priority', entry.priority],
    ['queued', `${formatTime(entry.queuedAt)} UTC`],
    ['attempts', String(entry.attempts)],
    ['next attempt', nextAttempt(entry, now) || undefined],
    ['last error', lastError && `${lastError.message} (${lastError.code}, ${formatTime(lastError.at)} UTC)`],
    ['hint', lastError?.hint],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [`${`${name}:`.padEnd(14)}${value}\n`])).join('');
}

function listTarget({ state = [], store, after, limit }: ListOptions): string {
  const query = new URLSearchParams();
  for (const one of state) query.append('state', one);
  if (store !== undefined) query.set('store', store);
  if (after !== undefined) query.set('after', String(after));
  query.set('limit', String(limit));
  return `/v1/queue?${query}`;
}

function registerList(queue: Command, context: CommandContext): void {
  const command = queue
    .command('list')
    .description('deliveries that wait, are under way or are in quarantine')
    .addOption(
      new Option('--state <state...>', 'only these').choices(['queued', 'inFlight', 'quarantined', 'delivered']),
    )
    .option('--store <name>', 'only those to this store')
    .option('--after <id>', 'go on after this one', wholeNumber(0))
    .option('--limit <n>', 'at most so many', wholeNumber(1, 1000), 100);
  withExamples(withJson(withSocket(command)), ['queue list', 'queue list --state quarantined --store ceph']);
  command.action((options: ListOptions) =>
    runCommand(context, options, async () => {
      const page = await askGateway<QueuePage>(socketFrom(options), listTarget(options));
      if (options.json) writeJson(context, { ok: true, ...page });
      else context.write(renderQueue(page, Date.now()));
    }),
  );
}

function registerShow(queue: Command, context: CommandContext): void {
  const command = queue
    .command('show')
    .description('all about one delivery, with its last error')
    .argument('<id>', 'its number in the list', wholeNumber(0));
  withExamples(withJson(withSocket(command)), ['queue show 4711']);
  command.action((id: number, options: Common) =>
    runCommand(context, options, async () => {
      const entry = await askGateway<QueueEntry>(socketFrom(options), `/v1/queue/${id}`);
      if (options.json) writeJson(context, { ok: true, ...entry });
      else context.write(renderEntry(entry, Date.now()));
    }),
  );
}

function registerRetry(queue: Command, context: CommandContext): void {
  const command = queue
    .command('retry')
    .description('try again now, what is in quarantine too')
    .argument('[id]', 'one delivery', wholeNumber(0))
    .option('--all', 'all that wait or are in quarantine');
  withExamples(withJson(withSocket(command)), ['queue retry 4711', 'queue retry --all']);
  command.action((id: number | undefined, options: Common & { all?: boolean }) =>
    runCommand(context, options, async () => {
      if ((id === undefined) === (options.all !== true))
        throw new UsageError('say either the number of a delivery or --all');
      const selection = id === undefined ? { all: true } : { id };
      const { retried } = await askGateway<{ retried: number }>(socketFrom(options), '/v1/queue/retry', selection);
      if (options.json) writeJson(context, { ok: true, retried });
      else context.write(`${retried} ${retried === 1 ? 'delivery is' : 'deliveries are'} tried again.\n`);
    }),
  );
}

export function registerQueue(program: Command, context: CommandContext): void {
  const queue = program.command('queue').description('what is on its way to the stores');
  withExamples(queue, ['queue list', 'queue show 4711', 'queue retry --all']);
  registerList(queue, context);
  registerShow(queue, context);
  registerRetry(queue, context);
}
