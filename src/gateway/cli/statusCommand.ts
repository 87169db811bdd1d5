import type { Command } from 'commander';
import { applicationCells, applicationColumns, applicationNote } from '../../web/applicationText.ts';
import { askGateway } from '../../web/client.ts';
import { commitmentCells, commitmentColumns } from '../../web/commitmentText.ts';
import { formatCount, formatDuration, formatSize } from '../../web/format.ts';
import { hasUnsureFigures, heldText, limitTexts, senderText, unsureNote } from '../../web/receptionText.ts';
import type { GatewayStatus, StoreStatus } from '../../web/status.ts';
import { type CommandContext, runCommand, socketFrom, writeJson } from './context.ts';
import { withExamples, withJson, withSocket } from './options.ts';
import { table } from './table.ts';

function warningText({ warnings, now }: GatewayStatus): string {
  if (warnings.length === 0) return 'All is well: no warnings.\n';
  return warnings
    .map(
      (w) =>
        `${w.severity.toUpperCase()}: ${w.title}, for ${formatDuration(now - w.since)}\n  ${w.text}\n  ${w.hint}\n`,
    )
    .join('');
}

function spoolText({ spool, studies }: GatewayStatus): string {
  const percent = spool.quotaBytes > 0 ? Math.round((100 * spool.usedBytes) / spool.quotaBytes) : 0;
  const { received, routed, delivered, quarantined } = spool.instances;
  const refusing = spool.refusing ? `  REFUSING new instances: ${spool.reason ?? ''}\n` : '';
  return `Spool: ${formatSize(spool.usedBytes)} of ${formatSize(spool.quotaBytes)} (${percent} %), ${formatCount(spool.freeSegments)} segments free
${refusing}  instances: ${formatCount(received)} received, ${formatCount(routed)} on their way, ${formatCount(delivered)} delivered, ${formatCount(quarantined)} in quarantine
  studies: ${formatCount(studies.open)} open, ${formatCount(studies.complete)} complete
`;
}

function storeState(store: StoreStatus, now: number): string {
  if (store.state !== 'waiting') return store.state;
  const next =
    store.nextAttemptAt === undefined ? '' : `, next attempt in ${formatDuration(store.nextAttemptAt - now)}`;
  return `waiting${next}: ${store.lastError?.message ?? 'no reason given'}`;
}

const right = (title: string) => ({ title, align: 'right' as const });

function sendersText({ peers, now }: GatewayStatus): string {
  const columns = [
    ...[{ title: 'SENDER' }, { title: 'LAST SEEN' }, right('OPEN'), right('IMAGES'), right('BYTES'), right('RATE')],
    ...[right('P20'), right('ACKNOWLEDGED IN'), right('P99'), right('AVAILABLE'), { title: 'TURNED AWAY' }],
  ];
  const rows = peers.map((peer) => {
    const text = senderText(peer, now);
    return [
      ...[peer.aeTitle, text.lastSeen, formatCount(peer.openAssociations), formatCount(peer.instances)],
      ...[formatSize(peer.bytes), text.rate, text.rateP20, text.acknowledgedP50, text.acknowledgedP99, text.available],
      text.turnedAwayWhy ?? text.turnedAway,
    ];
  });
  return `${table(columns, rows)}${hasUnsureFigures(peers) ? `${unsureNote}\n` : ''}`;
}

function limitsText(status: GatewayStatus): string {
  const limits = limitTexts(status);
  const held = heldText(status);
  const said = held === undefined ? '' : `${held}\n`;
  if (limits.length === 0) return `Limits: none is near, and none was reached within a day.\n${said}`;
  const columns = [{ title: 'LIMIT' }, right('IN USE'), right('OF'), { title: 'REACHED' }];
  return `${table(
    columns,
    limits.map(({ key, inUse, limit, hits }) => [key, inUse, limit, hits]),
  )}${said}`;
}

/** Nothing at all while nobody has asked for it. */
function commitmentsText({ commitments }: GatewayStatus): string[] {
  if (commitments.length === 0) return [];
  const [first = '', ...numbers] = commitmentColumns.map((title) => title.toUpperCase());
  const columns = [{ title: `COMMITMENT ${first}` }, ...numbers.map(right)];
  return [table(columns, commitments.map(commitmentCells))];
}

/** Nothing at all where there are none. */
function applicationsText({ applications }: GatewayStatus): string[] {
  if (applications.length === 0) return [];
  const [first = '', ...numbers] = applicationColumns.map((title) => title.toUpperCase());
  const notes = applications.flatMap((one) => {
    const note = applicationNote(one);
    return note === undefined ? [] : [`  ${one.application}@${one.version}: ${note}\n`];
  });
  return [`${table([{ title: first }, ...numbers.map(right)], applications.map(applicationCells))}${notes.join('')}`];
}

/** The status as a terminal shows it. Pure. */
export function renderStatus(status: GatewayStatus): string {
  const { now, listeners, stores } = status;
  const sections = [
    `${status.site}: MEDUSA Edge Gateway ${status.version}, AE title ${status.aeTitle}, running for ${formatDuration(now - status.startedAt)}\n`,
    warningText(status),
    spoolText(status),
    table(
      [{ title: 'LISTENER' }, { title: 'ADDRESS' }, { title: 'SECURITY' }, { title: 'STATE' }, right('OPEN')],
      listeners.map((l) => [
        l.name,
        l.address,
        l.tls ? 'TLS' : 'plain',
        l.listening ? 'listening' : 'NOT LISTENING',
        formatCount(l.openAssociations),
      ]),
    ),
    sendersText(status),
    limitsText(status),
    table(
      [
        { title: 'STORE' },
        right('WAITING'),
        right('UNDER WAY'),
        right('DELIVERED'),
        right('BYTES'),
        right('QUARANTINE'),
        { title: 'STATE' },
      ],
      stores.map((s) => [
        s.name,
        ...[s.queued, s.inFlight, s.delivered].map(formatCount),
        formatSize(s.deliveredBytes),
        formatCount(s.quarantined),
        storeState(s, now),
      ]),
    ),
    ...commitmentsText(status),
    ...applicationsText(status),
    `${formatCount(status.receipts.count)} receipts, the last is number ${status.receipts.lastSeq}.\n`,
  ];
  return sections.join('\n');
}

export function registerStatus(program: Command, context: CommandContext): void {
  const command = program.command('status').description('ask the running gateway how it is');
  withExamples(withJson(withSocket(command)), [
    'status',
    'status --config /etc/medusa-gateway/gateway.yaml',
    'status --socket /var/lib/medusa-gateway/api.sock --json',
  ]);
  command.action((options: { config?: string; socket?: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const status = await askGateway<GatewayStatus>(socketFrom(options), '/v1/status');
      if (options.json) writeJson(context, { ok: true, ...status });
      else context.write(renderStatus(status));
    }),
  );
}
