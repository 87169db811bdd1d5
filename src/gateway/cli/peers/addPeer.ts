import { type Command, InvalidArgumentError, Option } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { didYouMean } from '../../../base/yaml/closest.ts';
import { isUid } from '../../../dicom/uids.ts';
import { askGateway } from '../../../web/client.ts';
import type { KnockEntry, PeersAnswer } from '../../../web/peers.ts';
import { readConfiguration } from '../../config/configuration.ts';
import { isNetwork } from '../../config/fields.ts';
import { type Admitting, admitting } from '../../peers/admitKnock.ts';
import { parseDistinguishedName } from '../../peers/distinguishedName.ts';
import { additionOf, addPeer, type PeerAddition, removePeer, widenPeer } from '../../peers/editPeers.ts';
import { entrance, isBound } from '../../peers/peerChecks.ts';
import { type DirectorySource, PeerDirectory } from '../../peers/peerDirectory.ts';
import { type CommandContext, ConfigurationRefused, runCommand, socketFrom, UsageError } from '../context.ts';
import { aeTitleArgument, wholeNumber, withConfiguration, withExamples, withJson } from '../options.ts';
import { changePeers, type TextConfiguration } from './changePeers.ts';

type Options = {
  config: string;
  json?: boolean;
  address?: string[];
  fingerprint?: string[];
  subject?: string[];
  issuer?: string[];
  called?: string[];
  sopClass?: string[];
  priority?: 'normal' | 'urgent';
  knock?: number;
  anyAddress?: boolean;
};

/** Each use of the option adds one value, which `check` may refuse. */
function repeated(check: (text: string) => string) {
  return (text: string, earlier: string[] | undefined) => [...(earlier ?? []), check(text)];
}

function refusing(isRight: (text: string) => boolean, hint: string): (text: string) => string {
  return (text) => {
    if (!isRight(text)) throw new InvalidArgumentError(hint);
    return text;
  };
}

const network = refusing(isNetwork, 'an address or a network, such as 10.20.30.7 or 10.20.30.0/24');
const subject = refusing(
  (text) => parseDistinguishedName(text) !== undefined,
  'a distinguished name, such as "CN=ct1,O=St Elsewhere"',
);
const sopClass = refusing(
  (text) => isUid(text.endsWith('.') ? text.slice(0, -1) : text),
  'a SOP Class UID, or the beginning of some with a dot at its end',
);

function fingerprint(text: string): string {
  const plain = text.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(plain)) {
    throw new InvalidArgumentError('a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons');
  }
  return plain;
}

async function knockOf(options: Options, id: number): Promise<KnockEntry> {
  const { knocks } = await askGateway<PeersAnswer>(socketFrom({ config: options.config }), '/v1/peers');
  const knock = knocks.find((candidate) => candidate.id === id);
  if (knock) return knock;
  throw new GatewayError(`nobody knocked under number ${id}`, {
    code: 'peers.no-such-knock',
    operation: 'admit a peer',
    hint: 'see the numbers with "medusa-gateway peers list"; they are kept while the gateway runs',
  });
}

export const directoryOf = (config: TextConfiguration) => new PeerDirectory(config as unknown as DirectorySource);

async function additionFromKnock(options: Options, id: number): Promise<PeerAddition> {
  const knock = await knockOf(options, id);
  const result = readConfiguration(options.config);
  if (!result.ok) throw new ConfigurationRefused(options.config, result.problems);
  const { config } = result;
  const admission: Admitting = admitting(knock, directoryOf(config), config.listeners.map(entrance), {
    anyAddress: options.anyAddress === true,
  });
  if (admission.possible) return withOptions(admission.addition, options);
  throw new GatewayError(`number ${id} (${knock.callingAeTitle}) cannot be admitted so: ${admission.why}`, {
    code: 'peers.not-admissible',
    operation: 'admit a peer',
    subject: knock.callingAeTitle,
    hint: admission.hint,
  });
}

function withOptions(addition: PeerAddition, options: Options): PeerAddition {
  const {
    address = [],
    fingerprint: prints = [],
    subject: subjects = [],
    issuer: issuers = [],
    called = [],
    sopClass: classes = [],
  } = options;
  return {
    ...addition,
    addresses: [...addition.addresses, ...address],
    certificateFingerprints: [...new Set([...addition.certificateFingerprints, ...prints])],
    certificateSubjects: [...addition.certificateSubjects, ...subjects],
    certificateIssuers: [...new Set([...addition.certificateIssuers, ...issuers])],
    calledAeTitles: [...new Set([...addition.calledAeTitles, ...called])],
    sopClasses: [...addition.sopClasses, ...classes],
    ...(options.priority === undefined ? {} : { priority: options.priority }),
  };
}

async function additionFrom(aeTitle: string | undefined, options: Options): Promise<PeerAddition> {
  const { knock, anyAddress } = options;
  if (knock !== undefined) {
    if (aeTitle !== undefined) throw new UsageError('say either an AE title or --knock, not both');
    return additionFromKnock(options, knock);
  }
  if (aeTitle === undefined) throw new UsageError('say an AE title, or --knock with a number of "peers list"');
  if (anyAddress) throw new UsageError('--any-address belongs to --knock; without --address any address may call');
  return withOptions(additionOf(aeTitle), options);
}

/** What an entry means that is now narrower, or hardly binds anybody. */
function notesOn(addition: PeerAddition, current: TextConfiguration): string[] {
  const { aeTitle, addresses, certificateFingerprints, certificateSubjects, certificateIssuers } = addition;
  const there = current.peers.find((peer) => peer.aeTitle === aeTitle);
  const binds = certificateFingerprints.length + certificateSubjects.length + certificateIssuers.length > 0;
  if (there) {
    return [
      ...(addresses.length > 0 && there.addresses === undefined
        ? [`${aeTitle} could call from any address before; now only from ${addresses.join(', ')}`]
        : []),
      ...(binds && !isBound(there) ? [`${aeTitle} has to show a certificate of its entry from now on`] : []),
    ];
  }
  const plain = current.listeners.some((listener) => listener.plain);
  if (aeTitle === '*' && addresses.length === 0 && !binds) return ['anybody who reaches a listener may now send'];
  if (!binds && addresses.length === 0 && plain) {
    return [`on the plain listener ${aeTitle} proves itself by nothing but its AE title; give it --address`];
  }
  return [];
}

export function registerAdd(peers: Command, context: CommandContext): void {
  const command = peers
    .command('add')
    .description(
      'admit a sender: a new entry under peers, or more in the one that is there; the rest of the file stays',
    )
    .argument('[aet]', 'its calling AE title', aeTitleArgument)
    .option('--knock <n>', 'who is under this number in "peers list"', wholeNumber(1))
    .option('--any-address', 'with --knock: do not bind a new entry to the address')
    .option('--address <cidr>', 'address or network that it may call from; may be repeated', repeated(network))
    .option('--fingerprint <sha256>', 'of a certificate that it may show; may be repeated', repeated(fingerprint))
    .option('--subject <dn>', 'of a certificate that it may show, signed by clientCaFile', repeated(subject))
    .option(
      '--issuer <sha256>',
      'authority that has to be above that certificate; may be repeated',
      repeated(fingerprint),
    )
    .option('--called <aet>', 'AE title by which it may call us; may be repeated', repeated(aeTitleArgument))
    .option('--sop-class <uid>', 'storage SOP class that it may send; may be repeated', repeated(sopClass))
    .addOption(new Option('--priority <priority>', 'of what it sends').choices(['normal', 'urgent']));
  withExamples(withJson(withConfiguration(command)), [
    'peers add CT1 --address 10.20.30.7 --config gateway.yaml',
    'peers add --knock 1 --config gateway.yaml',
    'peers add ER_CT --address 10.20.31.0/24 --subject "CN=er-ct,O=St Elsewhere" --priority urgent --config gateway.yaml',
  ]);
  command.action((aeTitle: string | undefined, options: Options) =>
    runCommand(context, options, async () => {
      const addition = await additionFrom(aeTitle, options);
      let notes: string[] = [];
      let isNew = true;
      await changePeers(context, {
        ...options,
        change: (document, current) => {
          notes = notesOn(addition, current);
          const index = current.peers.findIndex((peer) => peer.aeTitle === addition.aeTitle);
          isNew = index < 0;
          if (isNew) addPeer(document, addition);
          else widenPeer(document, index, addition, { calledAeTitles: [current.aeTitle] });
        },
        done: () => (isNew ? `${addition.aeTitle} is admitted.` : `The entry of ${addition.aeTitle} has been widened.`),
        notes: () => notes,
      });
    }),
  );
}

export function registerRemove(peers: Command, context: CommandContext): void {
  const command = peers
    .command('remove')
    .description('take a sender off the configuration; what it has open is aborted')
    .argument('<aet>', 'its calling AE title', aeTitleArgument);
  withExamples(withJson(withConfiguration(command)), ['peers remove CT1 --config gateway.yaml']);
  command.action((aeTitle: string, options: Options) =>
    runCommand(context, options, () => removeOne(context, aeTitle, options)),
  );
}

async function removeOne(context: CommandContext, aeTitle: string, options: Options): Promise<void> {
  await changePeers(context, {
    ...options,
    change: (document, current) => {
      const index = current.peers.findIndex((peer) => peer.aeTitle === aeTitle);
      if (index >= 0) return removePeer(document, index);
      const names = current.peers.map((peer) => peer.aeTitle);
      throw new GatewayError(`there is no peer "${aeTitle}"`, {
        code: 'peers.not-found',
        operation: 'remove a peer',
        subject: aeTitle,
        hint: didYouMean(aeTitle, names, 'peers'),
      });
    },
    done: () => `${aeTitle} is not admitted any more.`,
    notes: () => [],
  });
}
