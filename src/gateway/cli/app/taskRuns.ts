import { type Command, Option } from 'commander';
import { askGateway } from '../../../web/client.ts';
import { formatDuration, formatMilliseconds, formatSize, formatTime } from '../../../web/format.ts';
import type { RunEntry, RunPage } from '../../../web/status.ts';
import { type CommandContext, runCommand, socketFrom, UsageError, writeJson } from '../context.ts';
import { wholeNumber, withExamples, withJson, withSocket } from '../options.ts';
import { table } from '../table.ts';

type Common = { config?: string; socket?: string; json?: boolean };
type ListOptions = Common & { state?: string[]; app?: string; after?: number; limit: number };

function when({ state, dueAt, finishedAt }: RunEntry, now: number): string {
  if (dueAt !== undefined) return dueAt <= now ? `${state}, now` : `${state}, in ${formatDuration(dueAt - now)}`;
  return finishedAt === undefined ? state : `${state}, ${formatTime(finishedAt)} UTC`;
}

/** Pure. */
export function renderRuns({ entries, next }: RunPage, now: number): string {
  if (entries.length === 0) return 'Nothing there.\n';
  const rows = entries.map((entry) => [
    String(entry.id),
    when(entry, now),
    `${entry.application}@${entry.version}`,
    String(entry.revision),
    String(entry.instances),
    formatSize(entry.bytes),
    String(entry.attempts),
    entry.lastError?.code ?? '',
    `${entry.scope} ${entry.unit}`,
  ]);
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    right('ID'),
    { title: 'STATE' },
    { title: 'APPLICATION' },
    right('REVISION'),
    right('INSTANCES'),
    right('SIZE'),
    right('TRIES'),
    { title: 'ERROR' },
    { title: 'OF' },
  ];
  return table(columns, rows) + (next === undefined ? '' : `\nThere is more: --after ${next}\n`);
}

function costRows(figures: RunEntry['figures']): Array<[string, string | undefined]> {
  if (figures === undefined) return [];
  const { bytesIn, bytesOut, promisedRatio, cpuSeconds, peakMemoryBytes, wallMs } = figures;
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const kept = promisedRatio !== null && bytesOut <= bytesIn * promisedRatio ? 'kept' : 'broken';
  const promise = promisedRatio === null ? '' : `; promised at most ${percent(promisedRatio)}: ${kept}`;
  return [
    ['bytes out', `${formatSize(bytesOut)}, ${bytesIn === 0 ? 'of nothing' : percent(bytesOut / bytesIn)}${promise}`],
    [
      'cost',
      `${cpuSeconds.toFixed(1)} s of CPU, ${formatSize(peakMemoryBytes)} at most, ${formatMilliseconds(wallMs)} in all`,
    ],
  ];
}

/** Pure. */
export function renderRun(entry: RunEntry, now: number): string {
  const { lastError, inputs = [] } = entry;
  const at = lastError?.at === undefined ? '' : `, ${formatTime(lastError.at)} UTC`;
  const rows: Array<[string, string | undefined]> = [
    ['run', String(entry.id)],
    ['state', when(entry, now)],
    ['application', `${entry.application}@${entry.version}`],
    ['of', `${entry.scope} ${entry.unit}`],
    ['study', entry.study],
    ['route', `${entry.route} to ${entry.store}`],
    ['revision', String(entry.revision)],
    ['instances', `${entry.instances}, ${formatSize(entry.bytes)}`],
    ['attempts', String(entry.attempts)],
    ...costRows(entry.figures),
    ['last error', lastError && `${lastError.message} (${lastError.code}${at})`],
  ];
  const said = rows.flatMap(([name, value]) => (value === undefined ? [] : [`${`${name}:`.padEnd(14)}${value}\n`]));
  const outcomes = inputs.map(({ outcome, instance, code = '', reason = '' }) => [outcome, instance, code, reason]);
  const titles = ['OUTCOME', 'INSTANCE', 'CODE', 'REASON'].map((title) => ({ title }));
  return said.join('') + (outcomes.length === 0 ? '' : `\n${table(titles, outcomes)}`);
}

function listTarget({ state = [], app, after, limit }: ListOptions): string {
  const query = new URLSearchParams();
  for (const one of state) query.append('state', one);
  if (app !== undefined) query.set('application', app);
  if (after !== undefined) query.set('after', String(after));
  query.set('limit', String(limit));
  return `/v1/runs?${query}`;
}

export function registerRuns(app: Command, context: CommandContext): void {
  const command = app
    .command('runs')
    .description('runs of applications that wait, are under way or are in quarantine; with ID all about one')
    .argument('[id]', 'one run', wholeNumber(0))
    .addOption(
      new Option('--state <state...>', 'only these').choices([
        'gathering',
        'due',
        'finished',
        'skipped',
        'quarantined',
      ]),
    )
    .option('--app <name>', 'only those of this application')
    .option('--after <id>', 'go on after this one', wholeNumber(0))
    .option('--limit <n>', 'at most so many', wholeNumber(1, 1000), 100);
  withExamples(withJson(withSocket(command)), ['app runs', 'app runs --state quarantined', 'app runs 12']);
  command.action((id: number | undefined, options: ListOptions) =>
    runCommand(context, options, async () => {
      if (id !== undefined) {
        const entry = await askGateway<RunEntry>(socketFrom(options), `/v1/runs/${id}`);
        if (options.json) return writeJson(context, { ok: true, ...entry });
        return context.write(renderRun(entry, Date.now()));
      }
      const page = await askGateway<RunPage>(socketFrom(options), listTarget(options));
      if (options.json) writeJson(context, { ok: true, ...page });
      else context.write(renderRuns(page, Date.now()));
    }),
  );
}

export function registerRetry(app: Command, context: CommandContext): void {
  const command = app
    .command('retry')
    .description('have runs that are in quarantine, or have instances there, tried again')
    .argument('[id]', 'one run', wholeNumber(0))
    .option('--all', 'all that are in quarantine');
  withExamples(withJson(withSocket(command)), ['app retry 12', 'app retry --all']);
  command.action((id: number | undefined, options: Common & { all?: boolean }) =>
    runCommand(context, options, async () => {
      if ((id === undefined) === (options.all !== true))
        throw new UsageError('say either the number of a run or --all');
      const selection = id === undefined ? { all: true } : { id };
      const { retried } = await askGateway<{ retried: number }>(socketFrom(options), '/v1/runs/retry', selection);
      if (options.json) writeJson(context, { ok: true, retried });
      else context.write(`${retried} ${retried === 1 ? 'run is' : 'runs are'} tried again.\n`);
    }),
  );
}
