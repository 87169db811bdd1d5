/** Adds, widens and removes entries under `peers` in a configuration document. Knows YAML, decides nothing. */
import { type Document, isMap, isSeq, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { GatewayError } from '../../base/errors.ts';

/** What may be said about a peer on the command line; lists are added to those that are there. */
export type PeerAddition = {
  aeTitle: string;
  addresses: readonly string[];
  certificateFingerprints: readonly string[];
  certificateSubjects: readonly string[];
  certificateIssuers: readonly string[];
  calledAeTitles: readonly string[];
  sopClasses: readonly string[];
  priority?: 'normal' | 'urgent';
};

export const additionOf = (aeTitle: string, parts: Partial<PeerAddition> = {}): PeerAddition => ({
  aeTitle,
  addresses: [],
  certificateFingerprints: [],
  certificateSubjects: [],
  certificateIssuers: [],
  calledAeTitles: [],
  sopClasses: [],
  ...parts,
});

const listKeys = [
  'addresses',
  'certificateFingerprints',
  'certificateSubjects',
  'certificateIssuers',
  'calledAeTitles',
  'sopClasses',
] as const;
/** Written in quotes: what looks like a number or a date must stay a text for every reader. */
const quoted: ReadonlySet<string> = new Set([
  'certificateFingerprints',
  'certificateSubjects',
  'certificateIssuers',
  'sopClasses',
]);

const notEditable = (what: string) =>
  new GatewayError(`${what} is not written in a way that can be edited here`, {
    code: 'config.not-editable',
    operation: 'edit configuration',
    hint: 'change it with an editor, then "medusa-gateway reload"',
  });

function scalar(key: string, value: string): Scalar {
  const node = new Scalar(value);
  if (quoted.has(key)) node.type = Scalar.QUOTE_DOUBLE;
  return node;
}

function flowList(key: string, values: readonly string[]): YAMLSeq {
  const list = new YAMLSeq();
  list.flow = true;
  list.items = values.map((value) => scalar(key, value));
  return list;
}

function peersOf(document: Document): YAMLSeq {
  const peers = document.get('peers', true) as unknown;
  if (isSeq(peers)) {
    if (peers.items.length === 0) peers.flow = false;
    return peers;
  }
  if (peers !== undefined && !(peers instanceof Scalar && peers.value === null)) throw notEditable('peers');
  const list = new YAMLSeq();
  document.set('peers', list);
  return list;
}

function entryOf(document: Document, index: number): YAMLMap {
  const entry = peersOf(document).items[index];
  if (!isMap(entry)) throw notEditable(`peers[${index}]`);
  return entry;
}

export function addPeer(document: Document, addition: PeerAddition): void {
  const entry = new YAMLMap();
  entry.flow = peersOf(document).flow === true;
  entry.set('aeTitle', new Scalar(addition.aeTitle));
  for (const key of listKeys) if (addition[key].length > 0) entry.set(key, flowList(key, addition[key]));
  if (addition.priority !== undefined) entry.set('priority', new Scalar(addition.priority));
  peersOf(document).add(entry);
}

/** Adds to the entry at `index` what is not there yet. `defaults`: what a list means that is left out. */
export function widenPeer(
  document: Document,
  index: number,
  addition: PeerAddition,
  defaults: { calledAeTitles: readonly string[] },
): void {
  const entry = entryOf(document, index);
  for (const key of listKeys) {
    if (addition[key].length === 0) continue;
    const there = entry.get(key, true) as unknown;
    if (there === undefined) {
      const implied = key === 'calledAeTitles' ? defaults.calledAeTitles : [];
      entry.set(key, flowList(key, [...new Set([...implied, ...addition[key]])]));
    } else if (isSeq(there)) {
      const written = new Set(there.items.map((item) => comparable(key, item)));
      for (const value of addition[key]) if (!written.has(comparable(key, value))) there.add(scalar(key, value));
    } else throw notEditable(`peers[${index}].${key}`);
  }
  if (addition.priority !== undefined && entry.get('priority') !== addition.priority) {
    entry.set('priority', addition.priority);
  }
}

/** The same fingerprint may be written with colons or without. */
function comparable(key: string, item: unknown): string {
  const text = String(item instanceof Scalar ? item.value : item);
  return key === 'certificateFingerprints' || key === 'certificateIssuers'
    ? text.replaceAll(':', '').toLowerCase()
    : text;
}

export function removePeer(document: Document, index: number): void {
  const peers = peersOf(document);
  peers.items.splice(index, 1);
  if (peers.items.length === 0) peers.flow = true;
}
