import type { Command } from 'commander';
import { formatCount, formatDuration, formatTime } from '../../../web/format.ts';
import type { KnockEntry, PeersAnswer } from '../../../web/peers.ts';
import type { GatewayStatus, PeerStatus } from '../../../web/status.ts';
import { readConfiguration } from '../../config/configuration.ts';
import { shellQuote } from '../../peers/admitCommand.ts';
import { type Admitting, admitting } from '../../peers/admitKnock.ts';
import { entrance } from '../../peers/peerChecks.ts';
import {
  type CommandContext,
  ConfigurationRefused,
  errorText,
  errorValue,
  exitCode,
  runCommand,
  socketFrom,
  writeJson,
} from '../context.ts';
import { withConfiguration, withExamples, withJson } from '../options.ts';
import { table } from '../table.ts';
import { directoryOf } from './addPeer.ts';
import type { TextConfiguration } from './changePeers.ts';
import { askIfRunning } from './running.ts';

type Peer = TextConfiguration['peers'][number];
type Running = { status: GatewayStatus; peers: PeersAnswer };

function proof({ certificateFingerprints = [], certificateSubjects, certificateIssuers, userIdentity }: Peer): string {
  const short = (fingerprint: string) => `${fingerprint.slice(0, 8)}…`;
  const by = certificateIssuers === undefined ? '' : ` by ${certificateIssuers.map(short).join(' or ')}`;
  const anyOf = certificateIssuers === undefined ? [] : ['any'];
  const parts = [
    ...certificateFingerprints.map((fingerprint) => `pinned ${short(fingerprint)}`),
    ...(certificateSubjects ?? anyOf).map((subject) => `${subject}${by}`),
    ...(userIdentity ? ['user identity'] : []),
  ];
  return parts.length === 0 ? 'any trusted one' : parts.join('; ');
}

const right = (title: string) => ({ title, align: 'right' as const });
const liveColumns = [right('OPEN'), right('INSTANCES'), { title: 'LAST SEEN' }];

function liveCells(own: PeerStatus | undefined, now: number): string[] {
  const seen = own?.lastSeenAt === undefined ? 'never' : `${formatDuration(now - own.lastSeenAt)} ago`;
  return [formatCount(own?.openAssociations ?? 0), formatCount(own?.instances ?? 0), seen];
}

function peerTable(peers: readonly Peer[], figures: ReadonlyMap<string, PeerStatus> | undefined, now: number): string {
  if (peers.length === 0) return 'No peers are configured: every association is rejected.\n';
  const live = (peer: Peer) => (figures === undefined ? ['', '', ''] : liveCells(figures.get(peer.aeTitle), now));
  const columns = [{ title: 'PEER' }, { title: 'FROM' }, { title: 'CERTIFICATE' }, { title: 'PRIORITY' }];
  return table(
    [...columns, ...liveColumns],
    peers.map((peer) => [
      peer.aeTitle,
      peer.addresses?.join(' ') ?? 'anywhere',
      proof(peer),
      peer.priority,
      ...live(peer),
    ]),
  );
}

function certificateText({ certificate }: KnockEntry): string[] {
  if (certificate === undefined) return [];
  const { fingerprint, subject, problem } = certificate;
  const trust = problem === undefined ? 'trusted' : `NOT trusted: ${problem}`;
  return [`certificate ${fingerprint}`, `  ${subject || 'without a subject'} (${trust})`];
}

function whatToDo({ id, hint }: KnockEntry, admission: Admitting, file: string): string {
  if (!admission.possible) return `cannot be admitted so: ${admission.why}; ${admission.hint}`;
  if (admission.complete) return `its entry lacks nothing now: have it call again (then it was: ${hint})`;
  return `medusa-gateway peers add --knock ${id} --config ${shellQuote(file)}`;
}

/** Pure. `next`: what to do about it. */
export function renderKnock(knock: KnockEntry, next: string, now: number): string {
  const { id, callingAeTitle, calledAeTitle, address, listener, implementationVersionName, count, lastAt, why } = knock;
  const by = implementationVersionName === undefined ? '' : `, ${implementationVersionName}`;
  const times = count === 1 ? 'once' : `${formatCount(count)} times`;
  const lines = [
    `${callingAeTitle || '(blank)'} from ${address}${by}: ${times}, ${formatDuration(now - lastAt)} ago`,
    `called ${calledAeTitle || '(blank)'} on ${listener}; ${knock.sopClasses.length} SOP classes proposed`,
    ...certificateText(knock),
    why,
    next,
  ];
  return lines.map((line, index) => `${index === 0 ? `${String(id).padStart(4)}  ` : '      '}${line}\n`).join('');
}

async function askRunning(config: string): Promise<Running | undefined> {
  const socket = socketFrom({ config });
  const status = await askIfRunning<GatewayStatus>(socket, '/v1/status');
  const peers = await askIfRunning<PeersAnswer>(socket, '/v1/peers');
  return status && peers && { status, peers };
}

function renderKnocks({ knocks, learningUntil }: PeersAnswer, nextOf: (knock: KnockEntry) => string): string {
  const learning = learningUntil === undefined ? '' : `\nLearn mode is on until ${formatTime(learningUntil)} UTC.\n`;
  if (knocks.length === 0) return `${learning}\nNobody knocked and was turned away since the gateway started.\n`;
  const entries = knocks.map((knock) => renderKnock(knock, nextOf(knock), Date.now()));
  return `${learning}\nKnocked and was turned away, the latest first:\n\n${entries.join('\n')}`;
}

function renderRunning({ peers }: Running, config: TextConfiguration, file: string): string {
  const directory = directoryOf(config);
  const entrances = config.listeners.map(entrance);
  return renderKnocks(peers, (knock) =>
    whatToDo(knock, admitting(knock, directory, entrances, { anyAddress: false }), file),
  );
}

/** What the running gateway knows by itself, when its file has been spoilt since. */
function renderWithoutFile({ status, peers }: Running, file: string): string {
  const rows = status.peers.map((peer) => [peer.aeTitle, ...liveCells(peer, status.now)]);
  const figures = rows.length === 0 ? 'No peers are known.\n' : table([{ title: 'PEER' }, ...liveColumns], rows);
  const add = (id: number) => `medusa-gateway peers add --knock ${id} --config ${shellQuote(file)}`;
  const knocks = renderKnocks(peers, ({ id, hint, limit }) =>
    limit === undefined ? `once the file is sound: ${add(id)}` : hint,
  );
  return `The running gateway goes on with the configuration before:\n\n${figures}${knocks}`;
}

async function listWithoutFile(
  context: CommandContext,
  refused: ConfigurationRefused,
  options: Options,
): Promise<void> {
  const running = await askRunning(options.config);
  if (running === undefined) throw refused;
  if (options.json) {
    const peers = running.status.peers.map((figures) => ({ aeTitle: figures.aeTitle, figures }));
    writeJson(context, { ok: false, error: errorValue(refused), running: true, peers, ...running.peers });
  } else {
    context.writeError(`${errorText(refused)}\n`);
    context.write(renderWithoutFile(running, options.config));
  }
  context.finish(exitCode.failed);
}

type Options = { config: string; json?: boolean };

/** Without what is secret. */
const shown = ({ userIdentity, ...peer }: Peer, figures: ReadonlyMap<string, PeerStatus> | undefined) => {
  const own = figures?.get(peer.aeTitle);
  return { ...peer, needsUserIdentity: userIdentity !== undefined, ...(own ? { figures: own } : {}) };
};

export function registerList(peers: Command, context: CommandContext): void {
  const command = peers
    .command('list')
    .description('who may send, how they are doing, and who knocked and was turned away');
  withExamples(withJson(withConfiguration(command)), ['peers list --config gateway.yaml']);
  command.action((options: Options) =>
    runCommand(context, options, async () => {
      const { config: file, json } = options;
      const result = readConfiguration(file);
      if (!result.ok) return listWithoutFile(context, new ConfigurationRefused(file, result.problems), options);
      const { config } = result;
      const running = await askRunning(file);
      const figures = running && new Map(running.status.peers.map((peer) => [peer.aeTitle, peer]));
      if (json) {
        const listed = config.peers.map((peer) => shown(peer, figures));
        writeJson(context, { ok: true, running: running !== undefined, peers: listed, ...running?.peers });
        return;
      }
      context.write(peerTable(config.peers, figures, Date.now()));
      context.write(
        running ? renderRunning(running, config, file) : '\nNo gateway runs here: who knocked is not known.\n',
      );
    }),
  );
}
