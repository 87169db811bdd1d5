import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { didYouMean } from '../../../base/yaml/closest.ts';
import type { PeersAnswer } from '../../../web/peers.ts';
import type { GatewayStatus } from '../../../web/status.ts';
import type { Configuration, PeerConfiguration } from '../../config/configuration.ts';
import { type CheckResult, failWith, ok, renderResult } from '../check/result.ts';
import {
  type CommandContext,
  configurationFrom,
  exitCode,
  runCommand,
  socketFrom,
  UsageError,
  writeJson,
} from '../context.ts';
import type { EchoOptions } from '../dependencies.ts';
import { aeTitleArgument, wholeNumber, withConfiguration, withExamples, withJson } from '../options.ts';
import { callResults, entryResults, reportResults, seenResults, type TestOptions } from './peerResults.ts';
import { askIfRunning } from './running.ts';

type Options = TestOptions & {
  config: string;
  json?: boolean;
  all?: boolean;
  host?: string;
  port?: number;
  tls?: boolean;
  ca?: string;
};
type Running = { status: GatewayStatus; peers: PeersAnswer } | undefined;
type Tested = { aeTitle: string; results: CheckResult[] };

function peersNamed(config: Configuration, aeTitle: string | undefined, all: boolean): readonly PeerConfiguration[] {
  if ((aeTitle === undefined) === !all) throw new UsageError('say either the AE title of a peer or --all');
  if (all) return config.peers;
  const peer = config.peers.find((candidate) => candidate.aeTitle === aeTitle);
  if (peer) return [peer];
  const names = config.peers.map((candidate) => candidate.aeTitle);
  throw new UsageError(`there is no peer "${aeTitle}"; ${didYouMean(aeTitle ?? '', names, 'peers')}`);
}

/** Our own certificate for a call over TLS: that of the first TLS listener. */
function ownCertificate({ listeners }: Configuration) {
  const tls = listeners.find((listener) => listener.tls)?.tls;
  const { certificateFile, keyFile } = tls ?? {};
  return certificateFile === undefined || keyFile === undefined ? {} : { certificateFile, keyFile };
}

/** Where the peer can be called back; undefined when that is not known. */
function echoTarget(config: Configuration, peer: PeerConfiguration, options: Options): EchoOptions | undefined {
  const report = peer.storageCommitment?.report;
  const calledAeTitle = report?.aeTitle ?? peer.aeTitle;
  const base = { calledAeTitle, callingAeTitle: config.aeTitle };
  if (options.host !== undefined && options.port !== undefined) {
    const { host, port, tls, ca } = options;
    const material = { ...ownCertificate(config), ...(ca === undefined ? {} : { caFile: ca }) };
    return { ...base, host, port, ...(tls ? { tls: material } : {}) };
  }
  if (report === undefined) return undefined;
  const { host, port, tls } = report;
  return { ...base, host, port, ...(tls ? { tls: { ...ownCertificate(config), ...tls } } : {}) };
}

async function echoResults(context: CommandContext, target: EchoOptions | undefined): Promise<CheckResult[]> {
  if (target === undefined)
    return [ok('C-ECHO', 'not tried: nothing says where it can be called; give --host and --port')];
  const where = `${target.calledAeTitle} at ${target.host}:${target.port}`;
  try {
    const { ms } = await context.dependencies.echoPeer(target);
    return [ok('C-ECHO', `${where} answers, in ${Math.round(ms)} ms`)];
  } catch (error) {
    return [failWith('C-ECHO', error)];
  }
}

async function testOne(
  context: CommandContext,
  config: Configuration,
  peer: PeerConfiguration,
  options: Options,
  running: Running,
): Promise<Tested> {
  const { address, called, fingerprint, subject, listener } = options;
  const call = Object.fromEntries(
    Object.entries({ address, called, fingerprint, subject, listener }).filter(([, value]) => value !== undefined),
  ) as TestOptions;
  const now = Date.now();
  const seen = running && {
    figures: running.status.peers.find(({ aeTitle }) => aeTitle === peer.aeTitle),
    knocks: running.peers.knocks,
  };
  const results = [
    ...entryResults(peer, config),
    ...callResults(peer, config, call),
    ...(await reportResults(peer, now)),
    ...(await echoResults(context, echoTarget(config, peer, options))),
    ...seenResults(peer, seen, now),
  ];
  return { aeTitle: peer.aeTitle, results };
}

function checkUsage(config: Configuration, { host, port, tls, ca, listener, all }: Options): void {
  if ((host === undefined) !== (port === undefined)) throw new UsageError('--host and --port belong together');
  if (host !== undefined && all) throw new UsageError('--host and --port belong to one peer, not to --all');
  if ((tls || ca) && host === undefined) throw new UsageError('--tls and --ca belong to --host and --port');
  if (ca !== undefined && !tls) throw new UsageError('--ca needs --tls');
  const names = config.listeners.map(({ name }) => name);
  if (listener !== undefined && !names.includes(listener)) {
    throw new UsageError(`there is no listener "${listener}"; ${didYouMean(listener, names, 'listeners')}`);
  }
}

async function askRunning(config: string): Promise<Running> {
  const socket = socketFrom({ config });
  const status = await askIfRunning<GatewayStatus>(socket, '/v1/status');
  const peers = await askIfRunning<PeersAnswer>(socket, '/v1/peers');
  return status && peers && { status, peers };
}

function addressArgument(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('an IP address, such as 10.20.30.7');
  return text;
}

export function registerTest(peers: Command, context: CommandContext): void {
  const command = peers
    .command('test')
    .description(
      'what a call of a peer would come to, whether it answers a C-ECHO, and when it was seen; changes nothing',
    )
    .argument('[aet]', 'its calling AE title', aeTitleArgument)
    .option('--all', 'every peer of the configuration')
    .option('--listener <name>', 'a call on this listener only')
    .option('--address <ip>', 'a call from this address', addressArgument)
    .option('--called <aet>', 'a call by this name', aeTitleArgument)
    .option('--fingerprint <sha256>', 'a call with this certificate', (text) => text.replaceAll(':', '').toLowerCase())
    .option('--subject <dn>', 'a call with a trusted certificate of this subject')
    .option('--host <host>', 'C-ECHO to this address')
    .option('--port <port>', 'and port', wholeNumber(1, 65535))
    .option('--tls', 'C-ECHO over TLS, with the certificate of our first TLS listener')
    .option('--ca <file>', "PEM file with the authority of the receiver's certificate");
  withExamples(withJson(withConfiguration(command)), [
    'peers test CT1 --config gateway.yaml',
    'peers test CT1 --address 10.20.30.7 --called MEDUSA --config gateway.yaml',
    'peers test PACS --host 10.20.30.1 --port 104 --config gateway.yaml',
    'peers test --all --config gateway.yaml',
  ]);
  command.action((aeTitle: string | undefined, options: Options) =>
    runCommand(context, options, async () => {
      const config = configurationFrom(options.config);
      checkUsage(config, options);
      const chosen = peersNamed(config, aeTitle, options.all === true);
      const running = await askRunning(options.config);
      const tested = await Promise.all(chosen.map((peer) => testOne(context, config, peer, options, running)));
      const isOk = tested.every(({ results }) => results.every(({ level }) => level !== 'fail'));
      if (options.json) writeJson(context, { ok: isOk, peers: tested });
      else for (const one of tested) context.write(`${one.aeTitle}\n${one.results.map(renderResult).join('')}\n`);
      if (!options.json && tested.length === 0)
        context.write('No peers are configured: every association is rejected.\n');
      context.finish(isOk ? exitCode.ok : exitCode.failed);
    }),
  );
}
