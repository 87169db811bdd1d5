import type { Command } from 'commander';
import { formatCount, formatDuration, formatTime } from '../../../web/format.ts';
import type { KnockEntry, PeersAnswer } from '../../../web/peers.ts';
import type { GatewayStatus, PeerStatus } from '../../../web/status.ts';
import { readConfiguration } from '../../config/configuration.ts';
import { shellQuote } from '../../peers/admitCommand.ts';
import { type Admitting, admitting } from '../../peers/admitKnock.ts';
import { entrance } from '../../peers/peerChecks.ts';
import { type CommandContext, ConfigurationRefused, runCommand, socketFrom, writeJson } from '../context.ts';
import { withConfiguration, withExamples, withJson } from '../options.ts';
import { table } from '../table.ts';
import { directoryOf } from './addPeer.ts';
import type { TextConfiguration } from './changePeers.ts';
import { askIfRunning } from './running.ts';

type Peer = TextConfiguration['peers'][number];
type Running = { status: GatewayStatus; peers: PeersAnswer };

function proof({ certificateFingerprints = [], certificateSubjects = [], userIdentity }: Peer): string {
  const parts = [
    ...certificateFingerprints.map((fingerprint) => `pinned ${fingerprint.slice(0, 8)}…`),
    ...certificateSubjects,
    ...(userIdentity ? ['user identity'] : []),
  ];
  return parts.length === 0 ? 'any trusted one' : parts.join('; ');
}

function peerTable(peers: readonly Peer[], figures: ReadonlyMap<string, PeerStatus> | undefined, now: number): string {
  if (peers.length === 0) return 'No peers are configured: every association is rejected.\n';
  const live = (peer: Peer) => {
    if (figures === undefined) return ['', '', ''];
    const own = figures.get(peer.aeTitle);
    const seen = own?.lastSeenAt === undefined ? 'never' : `${formatDuration(now - own.lastSeenAt)} ago`;
    return [formatCount(own?.openAssociations ?? 0), formatCount(own?.instances ?? 0), seen];
  };
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [{ title: 'PEER' }, { title: 'FROM' }, { title: 'CERTIFICATE' }, { title: 'PRIORITY' }];
  return table(
    [...columns, right('OPEN'), right('INSTANCES'), { title: 'LAST SEEN' }],
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

/** Pure. `admission`: what `peers add --knock` would make of it. */
export function renderKnock(knock: KnockEntry, admission: Admitting, file: string, now: number): string {
  const { id, callingAeTitle, calledAeTitle, address, listener, implementationVersionName, count, lastAt, why } = knock;
  const by = implementationVersionName === undefined ? '' : `, ${implementationVersionName}`;
  const times = count === 1 ? 'once' : `${formatCount(count)} times`;
  const lines = [
    `${callingAeTitle || '(blank)'} from ${address}${by}: ${times}, ${formatDuration(now - lastAt)} ago`,
    `called ${calledAeTitle || '(blank)'} on ${listener}; ${knock.sopClasses.length} SOP classes proposed`,
    ...certificateText(knock),
    why,
    whatToDo(knock, admission, file),
  ];
  return lines.map((line, index) => `${index === 0 ? `${String(id).padStart(4)}  ` : '      '}${line}\n`).join('');
}

async function askRunning(config: string): Promise<Running | undefined> {
  const socket = socketFrom({ config });
  const status = await askIfRunning<GatewayStatus>(socket, '/v1/status');
  const peers = await askIfRunning<PeersAnswer>(socket, '/v1/peers');
  return status && peers && { status, peers };
}

function renderRunning({ peers: { knocks, learningUntil } }: Running, config: TextConfiguration, file: string): string {
  const directory = directoryOf(config);
  const entrances = config.listeners.map(entrance);
  const learning = learningUntil === undefined ? '' : `\nLearn mode is on until ${formatTime(learningUntil)} UTC.\n`;
  if (knocks.length === 0) return `${learning}\nNobody knocked and was turned away since the gateway started.\n`;
  const entries = knocks.map((knock) =>
    renderKnock(knock, admitting(knock, directory, entrances, { anyAddress: false }), file, Date.now()),
  );
  return `${learning}\nKnocked and was turned away, the latest first:\n\n${entries.join('\n')}`;
}

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
  command.action((options: { config: string; json?: boolean }) =>
    runCommand(context, options, async () => {
      const { config: file, json } = options;
      const result = readConfiguration(file);
      if (!result.ok) throw new ConfigurationRefused(file, result.problems);
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
