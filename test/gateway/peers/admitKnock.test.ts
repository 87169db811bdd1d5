import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfiguration } from '../../../src/gateway/config/configuration.ts';
import { editYaml } from '../../../src/gateway/config/editYaml.ts';
import { accessPolicy } from '../../../src/gateway/peers/accessPolicy.ts';
import { admitting, callerOf } from '../../../src/gateway/peers/admitKnock.ts';
import { addPeer, widenPeer } from '../../../src/gateway/peers/editPeers.ts';
import { type DirectorySource, PeerDirectory } from '../../../src/gateway/peers/peerDirectory.ts';
import type { KnockEntry } from '../../../src/web/peers.ts';

const fingerprint = 'ab'.repeat(32);
const other = 'cd'.repeat(32);
const entrances = [
  { name: 'plain', tls: false, requiresCertificate: false },
  { name: 'mutual', tls: true, requiresCertificate: true },
];
const certificate = { fingerprint, subject: 'CN=ct1', problem: 'self-signed' };

const knock = (changes: Partial<KnockEntry> = {}): KnockEntry => ({
  ...{ id: 1, callingAeTitle: 'CT1', calledAeTitle: 'MEDUSA', address: '10.0.0.1', listener: 'plain' },
  ...{ sopClasses: [], transferSyntaxes: [], why: 'w', hint: 'h', count: 1, firstAt: 0, lastAt: 0 },
  ...changes,
});

const textOf = (peers: string) => `site: a\npeers: ${peers}\n`;

function directoryOf(text: string): PeerDirectory {
  const parsed = parseConfiguration(text, { file: 'g.yaml' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return new PeerDirectory(parsed.config as unknown as DirectorySource);
}

/** Whether a call as it was seen is admitted by a configuration. */
function isAdmitted(text: string, seen: KnockEntry): boolean {
  const directory = directoryOf(text);
  const counts = { total: () => 0, ofPeer: () => 0 };
  const policy = accessPolicy({ peers: () => directory, entrances, counts, spoolRefusal: () => undefined });
  return policy.admit(seen, callerOf(seen)).admitted;
}

/** What `peers add --knock` makes of a configuration. */
function admitted(peers: string, seen: KnockEntry, anyAddress = false): string {
  const text = textOf(peers);
  const admission = admitting(seen, directoryOf(text), entrances, { anyAddress });
  if (!admission.possible) throw new Error(admission.why);
  const { addition } = admission;
  const index = (parse(text).peers as Array<{ aeTitle: string }>).findIndex(
    ({ aeTitle }) => aeTitle === addition.aeTitle,
  );
  return editYaml(text, (document) => {
    if (index < 0) addPeer(document, addition);
    else widenPeer(document, index, addition, { calledAeTitles: ['MEDUSA'] });
  });
}

describe('who knocked is admitted by what is written', () => {
  const cases: Array<[string, string, Partial<KnockEntry>]> = [
    ['a stranger', '[]', {}],
    ['a stranger by another name', '[]', { calledAeTitle: 'ORTHANC' }],
    ['a stranger with a certificate of its own', '[]', { listener: 'mutual', certificate }],
    [
      'a stranger with a trusted certificate',
      '[]',
      { listener: 'mutual', certificate: { fingerprint, subject: 'CN=ct1' } },
    ],
    ['one for whom "*" does not do', '[{ aeTitle: "*", addresses: [10.9.9.9] }]', {}],
    ['a peer from another address', '[{ aeTitle: CT1, addresses: [10.9.9.9] }]', {}],
    [
      'a peer with a new certificate',
      `[{ aeTitle: CT1, certificateFingerprints: ["${other}"] }]`,
      { listener: 'mutual', certificate },
    ],
    ['a peer with an untrusted certificate', '[{ aeTitle: CT1 }]', { listener: 'mutual', certificate }],
    [
      'a peer with another subject',
      '[{ aeTitle: CT1, certificateSubjects: ["CN=x"] }]',
      { listener: 'mutual', certificate },
    ],
    ['a peer by another name', '[{ aeTitle: CT1 }]', { calledAeTitle: 'ORTHANC' }],
    [
      'a peer with which nothing is right',
      `[{ aeTitle: CT1, addresses: [10.9.9.9], certificateFingerprints: ["${other}"], calledAeTitles: [X] }]`,
      { listener: 'mutual', certificate, calledAeTitle: 'ORTHANC' },
    ],
  ];

  it.each(cases)('%s', (_what, peers, changes) => {
    const seen = knock(changes);
    expect(isAdmitted(textOf(peers), seen)).toBe(false);
    expect(isAdmitted(admitted(peers, seen), seen)).toBe(true);
  });

  it('and no wider than that', () => {
    const text = admitted('[]', knock({ listener: 'mutual', certificate }));
    expect(isAdmitted(text, knock({ listener: 'mutual', certificate: { ...certificate, fingerprint: other } }))).toBe(
      false,
    );
    expect(isAdmitted(text, knock({ listener: 'mutual', certificate, address: '10.0.0.2' }))).toBe(false);
    expect(isAdmitted(text, knock())).toBe(false);
    expect(parse(admitted('[]', knock(), true)).peers).toEqual([{ aeTitle: 'CT1' }]);
  });

  it('one whose entry lacks nothing is named as such', () => {
    const complete = (peers: string) =>
      admitting(knock(), directoryOf(textOf(peers)), entrances, { anyAddress: false });
    expect(complete('[{ aeTitle: CT1, userIdentity: { user: u } }]')).toMatchObject({ possible: true, complete: true });
    expect(complete('[{ aeTitle: CT1, addresses: [10.9.9.9] }]')).toMatchObject({ complete: false });
    expect(complete('[]')).toMatchObject({ complete: false });
  });

  it('an entry that binds to no address stays so', () => {
    const text = admitted('[{ aeTitle: CT1 }]', knock({ calledAeTitle: 'ORTHANC' }));
    expect(parse(text).peers).toEqual([{ aeTitle: 'CT1', calledAeTitles: ['MEDUSA', 'ORTHANC'] }]);
  });
});

it.each<[string, string, Partial<KnockEntry>, RegExp]>([
  ['that calls itself "*"', '[]', { callingAeTitle: '*' }, /AE title/],
  ['whose title was no AE title', '[]', { callingAeTitle: 'A\\x0aB' }, /AE title/],
  ['that ran into a limit', '[{ aeTitle: CT1 }]', { limit: 'associations' }, /no stranger/],
  ['that needs a certificate and showed none', '[]', { listener: 'mutual' }, /showed no certificate/],
  [
    'that is bound to one and showed none',
    '[{ aeTitle: CT1, certificateSubjects: ["CN=x"] }]',
    {},
    /showed no certificate/,
  ],
  [
    'whose certificate counts nowhere',
    '[]',
    { listener: 'mutual', certificate: { ...certificate, problem: 'CERT_REVOKED', invalid: true } },
    /not valid \(CERT_REVOKED\)/,
  ],
  ['that called us by no AE title', '[]', { calledAeTitle: 'A\\x0aB' }, /called us by/],
])('nothing is written for one %s', (_what, peers, changes, why) => {
  const admission = admitting(knock(changes), directoryOf(textOf(peers)), entrances, { anyAddress: false });
  expect(admission).toMatchObject({ possible: false, why: expect.stringMatching(why) });
});
