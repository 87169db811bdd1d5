import { describe, expect, it } from 'vitest';
import type { AccessRequest, Caller, CallerCertificate, UserIdentity } from '../../src/dicom/services/access.ts';
import { uid } from '../../src/dicom/uids.ts';
import { parseConfiguration } from '../../src/gateway/config/configuration.ts';
import { accessPolicy } from '../../src/gateway/peers/accessPolicy.ts';
import { PeerDirectory } from '../../src/gateway/peers/peerDirectory.ts';

const fingerprint = 'ab'.repeat(32);
const otherFingerprint = 'cd'.repeat(32);
const entrances = [
  { name: 'plain', tls: false, requiresCertificate: false },
  { name: 'mutual', tls: true, requiresCertificate: true },
  { name: 'tls', tls: true, requiresCertificate: false },
];

const verified = (subject = 'CN=ct1,O=Elsewhere', print = fingerprint): CallerCertificate => ({
  fingerprint: print,
  subject,
  trust: { kind: 'verified', authorities: ['CN=ca'] },
});
const unverified = (problem = 'self-signed', print = fingerprint): CallerCertificate => ({
  fingerprint: print,
  subject: 'CN=ct1,O=Elsewhere',
  trust: { kind: 'unverified', problem },
});
const invalid = (problem = 'CERT_REVOKED'): CallerCertificate => ({
  fingerprint,
  subject: 'CN=ct1,O=Elsewhere',
  trust: { kind: 'invalid', problem },
});
const identity = (user: string, passcode?: string, type = passcode === undefined ? 1 : 2): UserIdentity => ({
  type,
  positiveResponseRequested: true,
  primary: Buffer.from(user),
  secondary: Buffer.from(passcode ?? ''),
});

type Call = { peers: string; request?: Partial<AccessRequest>; caller?: Partial<Caller>; open?: number; full?: string };

function admit({ peers, request, caller, open = 0, full }: Call) {
  const text = `site: a\npeers: ${peers}\nlimits: { associations: 4, associationsPerPeer: 2 }\n`;
  const parsed = parseConfiguration(text, { file: '/etc/gateway.yaml' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const directory = new PeerDirectory(parsed.config as ConstructorParameters<typeof PeerDirectory>[0]);
  const policy = accessPolicy({
    peers: () => directory,
    entrances,
    counts: { total: () => open, ofPeer: () => open },
    spoolRefusal: () => full,
    configFile: '/etc/gateway.yaml',
  });
  const verdict = policy.admit(
    { callingAeTitle: 'CT1', calledAeTitle: 'MEDUSA', ...request },
    { address: '10.1.2.3', port: 4711, listener: 'plain', ...caller },
  );
  if (verdict.admitted) return { code: 'admitted', why: '', hint: '', limit: undefined, terms: verdict.terms };
  const { result, source, reason } = verdict.rejection;
  const { why, hint, limit, limitEntry, identified } = verdict;
  return { code: `${result}/${source}/${reason}`, why, hint, limit, limitEntry, identified, terms: undefined };
}

const ct1 = '[{ aeTitle: CT1 }]';

describe('AE titles and addresses', () => {
  it('nobody is admitted who is not named, and the log says how to admit them', () => {
    expect(admit({ peers: '[]' })).toMatchObject({
      code: '1/1/3',
      hint: 'if it is one of your senders, admit it with: medusa-gateway peers add CT1 --address 10.1.2.3 --config /etc/gateway.yaml',
    });
    expect(admit({ peers: ct1, request: { callingAeTitle: 'ct1' } }).code).toBe('1/1/3');
    expect(admit({ peers: ct1 }).code).toBe('admitted');
  });

  it('what is no AE title is none, whatever the peers say', () => {
    for (const callingAeTitle of ['', ' ', 'A\\B', 'A\nB', 'longer than sixteen']) {
      expect(admit({ peers: '[{ aeTitle: "*" }]', request: { callingAeTitle } })).toMatchObject({
        code: '1/1/3',
        why: 'the calling AE title is none',
      });
    }
  });

  it('"*" speaks for those who have no entry of their own', () => {
    const peers = '[{ aeTitle: "*" }, { aeTitle: CT1, addresses: [10.9.9.9] }]';
    expect(admit({ peers, request: { callingAeTitle: 'CT2' } }).code).toBe('admitted');
    expect(admit({ peers }).code).toBe('1/1/3');
  });

  it('somebody who calls itself "*" is a stranger, and no command would admit it', () => {
    const { code, hint } = admit({ peers: ct1, request: { callingAeTitle: '*' } });
    expect([code, hint]).toEqual(['1/1/3', 'give the sender an AE title of its own']);
  });

  it('from another address it is a stranger, too', () => {
    const peers = '[{ aeTitle: CT1, addresses: [10.1.2.0/24, "fd00:1::/64"] }]';
    expect(admit({ peers }).code).toBe('admitted');
    expect(admit({ peers, caller: { address: '::ffff:10.1.2.9' } }).code).toBe('admitted');
    expect(admit({ peers, caller: { address: 'fd00:1::7' } }).code).toBe('admitted');
    for (const address of ['10.1.3.1', 'fd00:2::7', '::ffff:10.1.3.1', 'unknown']) {
      expect(admit({ peers, caller: { address } })).toMatchObject({
        code: '1/1/3',
        why: 'the peer may not call from this address',
      });
    }
  });

  it('by another name than ours it is told so, with the names that it may use', () => {
    expect(admit({ peers: ct1, request: { calledAeTitle: 'ORTHANC' } })).toMatchObject({
      code: '1/1/7',
      hint: 'the sender has to call MEDUSA, or may call us so after: medusa-gateway peers add CT1 --called ORTHANC --config /etc/gateway.yaml',
    });
    const peers = '[{ aeTitle: CT1, calledAeTitles: [A, B] }]';
    expect(admit({ peers, request: { calledAeTitle: 'B' } }).code).toBe('admitted');
    expect(admit({ peers })).toMatchObject({ code: '1/1/7', hint: expect.stringContaining('call A or B') });
  });

  it('a stranger does not learn how we are called, nor that a title is known', () => {
    const peers = `[{ aeTitle: CT1, addresses: [10.9.9.9], userIdentity: { user: u } }]`;
    const calledAeTitle = 'WRONG';
    expect(admit({ peers, request: { calledAeTitle } }).code).toBe('1/1/3');
    expect(admit({ peers, request: { callingAeTitle: 'X', calledAeTitle } }).code).toBe('1/1/3');
    expect(admit({ peers, request: { callingAeTitle: 'X' }, open: 100, full: 'disk' }).code).toBe('1/1/3');
  });
});

describe('certificates', () => {
  const pinned = `[{ aeTitle: CT1, certificateFingerprints: ["${fingerprint}"] }]`;
  const named = '[{ aeTitle: CT1, certificateSubjects: ["CN=CT1,O=elsewhere"] }]';
  const code = (peers: string, listener: string, certificate?: CallerCertificate) =>
    admit({ peers, caller: { listener, ...(certificate ? { certificate } : {}) } }).code;

  it('a pinned one counts, verified or not; another does not', () => {
    expect(code(pinned, 'mutual', verified())).toBe('admitted');
    expect(code(pinned, 'mutual', unverified())).toBe('admitted');
    expect(code(pinned, 'mutual', verified('CN=ct1', otherFingerprint))).toBe('1/1/3');
    expect(code(pinned, 'mutual', unverified('self-signed', otherFingerprint))).toBe('1/1/3');
  });

  it('a subject counts only when it is verified', () => {
    expect(code(named, 'mutual', verified('OU=x,CN=ct1,O=Elsewhere'))).toBe('admitted');
    expect(code(named, 'mutual', verified('CN=ct2,O=Elsewhere'))).toBe('1/1/3');
    expect(code(named, 'mutual', unverified())).toBe('1/1/3');
    expect(code(named, 'mutual', verified(''))).toBe('1/1/3');
  });

  it('either will do when a peer has both', () => {
    const both = `[{ aeTitle: CT1, certificateFingerprints: ["${fingerprint}"], certificateSubjects: ["CN=ct2"] }]`;
    expect(code(both, 'mutual', unverified())).toBe('admitted');
    expect(code(both, 'mutual', verified('CN=ct2', otherFingerprint))).toBe('admitted');
    expect(code(both, 'mutual', verified('CN=ct3', otherFingerprint))).toBe('1/1/3');
  });

  it('an expired or revoked one counts nowhere, whatever its fingerprint, and nobody is told to admit it', () => {
    for (const listener of ['mutual', 'tls']) {
      expect(code(pinned, listener, invalid())).toBe('1/1/3');
      expect(code(named, listener, invalid())).toBe('1/1/3');
    }
    // Where none is needed it counts as none.
    expect([code(ct1, 'mutual', invalid()), code(ct1, 'tls', invalid())]).toEqual(['1/1/3', 'admitted']);
    for (const peers of [pinned, '[]']) {
      expect(admit({ peers, caller: { listener: 'tls', certificate: invalid() } }).hint).toBe(
        'the certificate that it shows is worth nothing (CERT_REVOKED): renew it at the sender, then let it call again',
      );
    }
  });

  it('without either, any that is verified will do; one that is not is worth as much as none', () => {
    expect(code(ct1, 'mutual', verified())).toBe('admitted');
    expect(code(ct1, 'mutual', unverified())).toBe('1/1/3');
    expect(code(ct1, 'a listener that is not known', unverified())).toBe('1/1/3');
    expect(code(ct1, 'tls', unverified())).toBe('admitted'); // Orthanc shows its own to anybody
    expect(admit({ peers: ct1, caller: { listener: 'mutual', certificate: unverified('expired') } })).toMatchObject({
      why: `the peer's certificate ${fingerprint} is not trusted (expired)`,
      hint: `if it is one of your senders, and that is the fingerprint of its certificate, admit it with: medusa-gateway peers add CT1 --fingerprint ${fingerprint} --config /etc/gateway.yaml`,
    });
  });

  it('none at all is enough only where the listener needs none and the peer is not bound to any', () => {
    expect(code(ct1, 'mutual')).toBe('1/1/3');
    expect(code(ct1, 'a listener that is not known')).toBe('1/1/3');
    expect(code(ct1, 'tls')).toBe('admitted');
    for (const listener of ['mutual', 'tls', 'plain']) {
      expect(code(pinned, listener)).toBe('1/1/3');
      expect(code(named, listener)).toBe('1/1/3');
    }
  });
});

describe('the authority of a certificate', () => {
  const [ours, theirs] = ['a'.repeat(64), 'b'.repeat(64)];
  const from = (...authorities: string[]): CallerCertificate => ({
    fingerprint,
    subject: 'CN=ct1,O=Elsewhere',
    trust: { kind: 'verified', authorities },
  });
  const call = (entry: string, certificate: CallerCertificate) =>
    admit({ peers: `[{ aeTitle: CT1, ${entry} }]`, caller: { listener: 'tls', certificate } });

  it('has to be one of certificateIssuers, wherever it stands in the chain', () => {
    for (const entry of [
      `certificateIssuers: ["${ours}"], certificateSubjects: ["CN=ct1"]`,
      `certificateIssuers: ["${ours.toUpperCase()}"]`,
    ]) {
      expect(call(entry, from(theirs, ours)).code).toBe('admitted');
      expect(call(entry, from(theirs))).toMatchObject({
        code: '1/1/3',
        why: expect.stringContaining('of another authority'),
      });
      expect(call(entry, from()).code).toBe('1/1/3');
      expect(call(entry, { ...from(), trust: { kind: 'unverified', problem: 'x' } }).code).toBe('1/1/3');
      expect(admit({ peers: `[{ aeTitle: CT1, ${entry} }]`, caller: { listener: 'plain' } }).code).toBe('1/1/3');
    }
    expect(call(`certificateIssuers: ["${ours}"], certificateSubjects: ["CN=ct2"]`, from(ours)).code).toBe('1/1/3');
  });

  it('does not matter to a certificate that is expected by its fingerprint', () => {
    const entry = `certificateIssuers: ["${ours}"], certificateFingerprints: ["${fingerprint}"]`;
    expect(call(entry, from(theirs)).code).toBe('admitted');
    expect(call(entry, { ...from(ours), fingerprint: 'c'.repeat(64) }).code).toBe('admitted');
    expect(call(entry, { ...from(theirs), fingerprint: 'c'.repeat(64) }).code).toBe('1/1/3');
  });
});

describe('user identity', () => {
  const peers = '[{ aeTitle: CT1, userIdentity: { user: ct-1, passcode: "geheim" } }]';
  const code = (userIdentity?: UserIdentity, list = peers) =>
    admit({ peers: list, request: userIdentity ? { userIdentity } : {} }).code;

  it('has to be right in both parts', () => {
    expect(code(identity('ct-1', 'geheim'))).toBe('admitted');
    for (const wrong of [
      undefined,
      identity('ct-1'),
      identity('ct-1', ''),
      identity('ct-1', 'geheim '),
      identity('ct-2', 'geheim'),
      identity('', 'geheim'),
      identity('ct-1', 'geheim', 1),
      ...[3, 4, 5, 0].map((type) => identity('ct-1', 'geheim', type)),
    ]) {
      expect(code(wrong)).toBe('1/2/1');
    }
  });

  it('is a name alone when no passcode is configured', () => {
    const nameOnly = '[{ aeTitle: CT1, userIdentity: { user: ct-1 } }]';
    expect(code(identity('ct-1'), nameOnly)).toBe('admitted');
    // Nobody has looked at that passcode: it must not be confirmed.
    expect(code(identity('ct-1', 'whatever'), nameOnly)).toBe('1/2/1');
    expect(code(identity('ct-1', '', 2), nameOnly)).toBe('1/2/1');
    expect(code(identity('ct-2'), nameOnly)).toBe('1/2/1');
    expect(code(identity('ct-1', '', 5), nameOnly)).toBe('1/2/1');
  });

  it('is confirmed only when it was checked, and ignored where none is configured', () => {
    expect(admit({ peers, request: { userIdentity: identity('ct-1', 'geheim') } }).terms).toMatchObject({
      userIdentityConfirmed: true,
    });
    expect(admit({ peers: ct1, request: { userIdentity: identity('x', 'y') } }).terms).not.toHaveProperty(
      'userIdentityConfirmed',
    );
  });

  it('never stands in what is logged', () => {
    const { why, hint } = admit({ peers, request: { userIdentity: identity('Meier', 'verraten') } });
    expect(why + hint).not.toMatch(/Meier|verraten|geheim|ct-1/);
  });
});

describe('limits', () => {
  it('come after everything that a caller has to prove', () => {
    expect(admit({ peers: ct1, open: 4 })).toMatchObject({ code: '2/3/2', limit: 'associations' });
    expect(admit({ peers: ct1, open: 2 })).toMatchObject({ code: '2/3/2', limit: 'associationsPerPeer' });
    expect(admit({ peers: ct1, full: 'the disk is full' })).toMatchObject({ code: '2/3/1', limit: undefined });
    expect(admit({ peers: ct1, open: 4, request: { calledAeTitle: 'X' } }).code).toBe('1/1/7');
  });

  it('of the peer take the place of those for everybody', () => {
    const three = '[{ aeTitle: CT1, limits: { associations: 3 } }]';
    expect(admit({ peers: three, open: 2 }).code).toBe('admitted');
    expect(admit({ peers: three, open: 3 })).toMatchObject({
      ...{ code: '2/3/2', limit: 'associations', limitEntry: 'CT1' },
      hint: 'raise peers[CT1].limits.associations, or have the sender open fewer',
    });
    expect(admit({ peers: '[{ aeTitle: CT1, limits: { associations: 1 } }]', open: 1 }).code).toBe('2/3/2');
  });
});

it('a refusal says whether it is the peer that was refused, or somebody who only names it', () => {
  const peers = '[{ aeTitle: CT1, addresses: [10.1.2.3], userIdentity: { user: u } }]';
  const request = { userIdentity: identity('u') };
  const identified = (call: Partial<Call>) => admit({ peers, request, ...call }).identified;
  expect(identified({ request: { ...request, calledAeTitle: 'X' } })).toBe(true);
  expect([identified({ open: 4 }), identified({ open: 2 }), identified({ full: 'the disk is full' })]).toEqual([
    ...[true, true, true],
  ]);
  expect(identified({ caller: { address: '10.1.2.4' } })).toBeUndefined();
  expect(identified({ caller: { listener: 'mutual' } })).toBeUndefined();
  expect(identified({ request: { userIdentity: identity('v') } })).toBeUndefined();
  expect(identified({ peers: '[]' })).toBeUndefined();
});

describe('terms', () => {
  const ct = '1.2.840.10008.5.1.4.1.1.2';
  const mr = '1.2.840.10008.5.1.4.1.1.4';
  const commitment = '1.2.840.10008.1.20.1';
  const terms = (keys: string) => admit({ peers: `[{ aeTitle: CT1, ${keys} }]` }).terms;

  it('take every storage class, private ones too, when none is named; storage commitment never by itself', () => {
    const accepts = terms('priority: normal')?.negotiation?.accepts;
    expect(
      [uid.verification, ct, mr, '1.3.12.2.1107.5.1', commitment, '1.2.840.10008.5.1.4.1.2.1.1'].map((one) =>
        accepts?.(one),
      ),
    ).toEqual([true, true, true, true, false, false]);
  });

  it('take the SOP classes that are named, and those under a beginning', () => {
    const accepts = terms(`sopClasses: ["${ct}", "1.3.12.2.1107."]`)?.negotiation?.accepts;
    expect(
      [uid.verification, ct, `${ct}.1`, mr, '1.3.12.2.1107.5.1', '1.3.12.2.11070.5', commitment].map((one) =>
        accepts?.(one),
      ),
    ).toEqual([true, true, false, false, true, false, false]);
  });

  it('naming a query class does not make it a storage class', () => {
    expect(terms('sopClasses: ["1.2.840.10008."]')?.negotiation?.accepts('1.2.840.10008.5.1.4.1.2.1.1')).toBe(false);
  });

  it('take storage commitment where it is configured', () => {
    expect(terms('storageCommitment: {}')?.negotiation?.accepts(commitment)).toBe(true);
  });

  it('carry the limits of the peer and its transfer syntaxes', () => {
    expect(
      terms(
        'limits: { maxPduLength: 64KiB, idleTimeout: 5s, associations: 3, minimumRate: 0 }, transferSyntaxPreference: ["1.2.840.10008.1.2.1"]',
      ),
    ).toMatchObject({
      limits: { maxPduLength: 65536, idleMs: 5000, minimumRate: 0 },
      negotiation: { transferSyntaxPreference: ['1.2.840.10008.1.2.1'] },
    });
    expect(terms('priority: urgent')).not.toHaveProperty('limits');
  });
});
