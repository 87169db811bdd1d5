/** Who may finish a handshake: by authority, by fingerprint, in learn mode; and what never passes. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { echo } from '../../../src/dicom/scu/echo.ts';
import type { AccessPolicy, Caller } from '../../../src/dicom/services/access.ts';
import {
  type ClientTrust,
  refusal,
  type ShownCertificate,
  trustNobody,
} from '../../../src/dicom/transport/clientTrust.ts';
import type { TlsMaterial } from '../../../src/dicom/transport/listener.ts';
import { type LogLine, startListener, type TestListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { type OpensslAuthority, OpensslPki, type Pair } from '../../support/opensslPki.ts';

const day = 86_400_000;
const pki = new OpensslPki();
let authority: OpensslAuthority;
let server: Pair;
let good: Pair;
let expired: Pair;
let early: Pair;
let revoked: Pair;
let weak: Pair;
let selfSigned: Pair;
let otherSelfSigned: Pair;
let foreign: Pair;
beforeAll(() => {
  authority = pki.authority('senders');
  const foreigners = pki.authority('foreigners');
  server = authority.issue('server');
  good = authority.issue('good');
  expired = authority.issue('expired', { from: Date.now() - 20 * day, to: Date.now() - day });
  early = authority.issue('early', { from: Date.now() + day });
  revoked = authority.issue('revoked');
  authority.revoke(revoked);
  weak = authority.issue('weak', { kind: 'rsa1024' });
  selfSigned = pki.selfSigned('self-signed');
  otherSelfSigned = pki.selfSigned('other-self-signed');
  foreign = foreigners.issue('foreign');
}, 60_000);
afterAll(() => pki.remove());

const running: TestListener[] = [];
afterEach(async () => {
  for (const listener of running.splice(0)) await listener.stop();
});

const material = (changes: Partial<TlsMaterial> = {}): TlsMaterial => ({
  ...{ certificate: server.certificate, key: server.key, clientCa: authority.certificate },
  ...{ requireClientCertificate: true, minVersion: 'TLSv1.2' as const, ...changes },
});

async function listen(
  options: { tls?: Partial<TlsMaterial>; trust?: Partial<ClientTrust> | ClientTrust; access?: AccessPolicy } = {},
) {
  const listener = await startListener({
    intake: new MemoryIntake(),
    tls: material(options.tls),
    // Not spread when it is whole: its properties are read for each connection.
    clientTrust: isWhole(options.trust) ? options.trust : { ...trustNobody, ...options.trust },
    ...(options.access ? { access: options.access } : {}),
  });
  running.push(listener);
  return listener;
}

const isWhole = (trust: Partial<ClientTrust> | undefined): trust is ClientTrust =>
  trust !== undefined && 'learning' in trust && 'isPinned' in trust;

const pins = (...pairs: Pair[]): Partial<ClientTrust> => {
  const all = new Set(pairs.map(({ fingerprint }) => fingerprint));
  return { isPinned: (fingerprint) => all.has(fingerprint), anyPinned: all.size > 0 };
};

/** 'in', or the event that was logged when the listener ended the connection. */
async function knock({ port, lines }: TestListener, pair: Pair | undefined): Promise<string> {
  lines.length = 0;
  const tls = { ca: authority.certificate, ...(pair ? { certificate: pair.certificate, key: pair.key } : {}) };
  const titles = { callingAeTitle: 'SCU', calledAeTitle: 'GATEWAY' };
  const timeouts = { connectMs: 5000, associateMs: 5000, responseMs: 5000 };
  try {
    await echo({ host: '127.0.0.1', port, ...titles, tls, timeouts });
    expect(await onlyLine(lines)).toBe('association.released');
    return 'in';
  } catch {
    return onlyLine(lines);
  }
}

async function onlyLine(lines: LogLine[]): Promise<string> {
  while (lines.length === 0) await sleep(5);
  await sleep(20);
  expect(lines.map(({ event }) => event)).toHaveLength(1);
  return lines[0]?.event ?? '';
}

/** Our own sender would not use a weak key. */
async function knockWeakly({ port, lines }: TestListener, pair: Pair): Promise<string> {
  lines.length = 0;
  const { certificate: cert, key } = pair;
  const options = { cert, key, ca: authority.certificate, ciphers: 'DEFAULT:@SECLEVEL=0' };
  const socket = connect({ port, host: '127.0.0.1', ...options });
  socket.on('error', () => {}).resume();
  return onlyLine(lines);
}

describe('with an authority', () => {
  it('its certificates pass, and nothing else', async () => {
    const listener = await listen();
    expect(await knock(listener, good)).toBe('in');
    expect(await knock(listener, undefined)).toBe('tls.no-client-certificate');
    expect(await knock(listener, selfSigned)).toBe('tls.client-certificate-refused');
    expect(await knock(listener, foreign)).toBe('tls.client-certificate-refused');
    expect(await knock(listener, expired)).toBe('tls.client-certificate-expired');
    expect(await knock(listener, early)).toBe('tls.client-certificate-early');
    expect(await knockWeakly(listener, weak)).toBe('tls.client-certificate-weak');
  });

  it('a caller without a certificate gets the alert that asks for one', async () => {
    const listener = await listen();
    const socket = connect({ port: listener.port, host: '127.0.0.1', ca: authority.certificate });
    socket.resume();
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
  });
});

describe('with pinned certificates beside it', () => {
  it('the very certificate passes, self-signed or of a stranger; another one does not', async () => {
    const listener = await listen({ trust: pins(selfSigned, foreign) });
    expect(await knock(listener, selfSigned)).toBe('in');
    expect(await knock(listener, foreign)).toBe('in');
    expect(await knock(listener, good)).toBe('in');
    expect(await knock(listener, otherSelfSigned)).toBe('tls.client-certificate-refused');
    expect(await knock(listener, undefined)).toBe('tls.no-client-certificate');
  });

  it('what has expired, is not valid yet, is revoked or weak does not pass, pinned or not', async () => {
    const crl = authority.revocationList();
    const listener = await listen({ tls: { crl }, trust: pins(expired, early, revoked, weak) });
    expect(await knock(listener, expired)).toBe('tls.client-certificate-expired');
    expect(await knock(listener, early)).toBe('tls.client-certificate-early');
    expect(await knock(listener, revoked)).toBe('tls.client-certificate-revoked');
    expect(await knockWeakly(listener, weak)).toBe('tls.client-certificate-weak');
    expect(await knock(listener, good)).toBe('in');
  });

  it('a weak one does not hide behind a list that is missing', async () => {
    const weakAlone = pki.selfSigned('weak-alone', { kind: 'rsa1024' });
    const listener = await listen({ tls: { crl: authority.revocationList() }, trust: pins(weakAlone) });
    expect(await knockWeakly(listener, weakAlone)).toBe('tls.client-certificate-weak');
  });

  it('no authority is needed, and none of the public ones is trusted', async () => {
    const listener = await listen({ tls: { clientCa: undefined }, trust: pins(selfSigned) });
    expect(await knock(listener, selfSigned)).toBe('in');
    expect(await knock(listener, good)).toBe('tls.client-certificate-refused');
  });

  it('who is pinned is asked for each connection', async () => {
    let pinned = false;
    const listener = await listen({
      trust: {
        isPinned: (fingerprint) => pinned && fingerprint === selfSigned.fingerprint,
        get anyPinned() {
          return pinned;
        },
        learning: false,
      },
    });
    expect(await knock(listener, selfSigned)).toBe('tls.client-certificate-refused');
    pinned = true;
    expect(await knock(listener, selfSigned)).toBe('in');
    pinned = false;
    expect(await knock(listener, selfSigned)).toBe('tls.client-certificate-refused');
  });
});

describe('with revocation lists', () => {
  it('a revoked certificate is refused, the others pass', async () => {
    const listener = await listen({ tls: { crl: authority.revocationList() } });
    expect(await knock(listener, revoked)).toBe('tls.client-certificate-revoked');
    expect(await knock(listener, good)).toBe('in');
    expect(await knock(await listen(), revoked)).toBe('in'); // without the list nobody knows
  });

  it('a list that is out of date, or not of this authority, lets nobody in; pinned ones of strangers stay in', async () => {
    const old = authority.revocationList({ from: Date.now() - 20 * day, to: Date.now() - day });
    const others = pki.authority('others').revocationList();
    for (const crl of [old, others]) {
      const listener = await listen({ tls: { crl }, trust: pins(good, selfSigned) });
      expect(await knock(listener, good)).toBe('tls.crl-unusable');
      expect(await knock(listener, selfSigned)).toBe('in');
    }
  });

  it('each of several lists in one text counts', async () => {
    const others = pki.authority('more');
    const theirs = others.issue('theirs');
    others.revoke(theirs);
    const clientCa = authority.certificate + others.certificate;
    const crl = authority.revocationList() + others.revocationList();
    const listener = await listen({ tls: { clientCa, crl } });
    expect(await knock(listener, theirs)).toBe('tls.client-certificate-revoked');
    expect(await knock(listener, revoked)).toBe('tls.client-certificate-revoked');
    expect(await knock(listener, good)).toBe('in');
  });
});

describe('what the access policy is told', () => {
  const callers: Caller[] = [];
  const access: AccessPolicy = {
    admit: (_request, caller) => {
      callers.push(caller);
      return { admitted: true };
    },
  };
  const shown = async (pair: Pair | undefined, options: Parameters<typeof listen>[0]) => {
    callers.length = 0;
    expect(await knock(await listen({ ...options, access }), pair)).toBe('in');
    return callers[0]?.certificate;
  };

  it('of a verified certificate: its chain', async () => {
    const { X509Certificate } = await import('node:crypto');
    const above = new X509Certificate(authority.certificate).fingerprint256.replaceAll(':', '').toLowerCase();
    expect(await shown(good, {})).toEqual({
      fingerprint: good.fingerprint,
      subject: 'CN=good',
      notAfter: new X509Certificate(good.certificate).validToDate.getTime(),
      trust: { kind: 'verified', authorities: [above] },
    });
  });

  it('of a pinned one that is self-signed: that it is', async () => {
    const { trust } = (await shown(selfSigned, { trust: pins(selfSigned) })) ?? {};
    expect(trust).toEqual({ kind: 'unverified', problem: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it('in learn mode, of strangers too, with a certificate and without', async () => {
    const trust = { learning: true };
    expect((await shown(foreign, { trust }))?.trust.kind).toBe('unverified');
    expect(await shown(undefined, { trust })).toBeUndefined();
  });

  it('but of an expired certificate nothing, in learn mode either', async () => {
    const listener = await listen({ trust: { learning: true } });
    expect(await knock(listener, expired)).toBe('tls.client-certificate-expired');
  });

  it('where no certificate is required: what is shown, whatever it is', async () => {
    const tls = { requireClientCertificate: false };
    expect(await shown(undefined, { tls })).toBeUndefined();
    expect((await shown(good, { tls }))?.trust.kind).toBe('verified');
    expect((await shown(expired, { tls }))?.trust).toEqual({ kind: 'invalid', problem: 'CERT_HAS_EXPIRED' });
  });

  it('one that has expired, is not valid yet or is revoked is told from one that only nobody vouches for', async () => {
    const tls = { requireClientCertificate: false, crl: authority.revocationList() };
    const trust = pins(expired, early, revoked, selfSigned);
    const kind = async (pair: Pair) => (await shown(pair, { tls, trust }))?.trust.kind;
    expect([await kind(expired), await kind(early), await kind(revoked)]).toEqual(['invalid', 'invalid', 'invalid']);
    expect([await kind(selfSigned), await kind(foreign)]).toEqual(['unverified', 'unverified']);
  });
});

describe('replaced material', () => {
  it('serves new connections; associations and handshakes under the old go on', async () => {
    const listener = await listen();
    const old = connect({
      ...{ port: listener.port, host: '127.0.0.1', ca: authority.certificate, cert: good.certificate, key: good.key },
    });
    await once(old, 'secureConnect');
    const renewed = authority.issue('server-renewed');
    listener.listener.replaceTls(
      material({ certificate: renewed.certificate, key: renewed.key, crl: authority.revocationList() }),
    );
    const fresh = connect({
      ...{ port: listener.port, host: '127.0.0.1', ca: authority.certificate, cert: good.certificate, key: good.key },
    });
    await once(fresh, 'secureConnect');
    expect(fresh.getPeerCertificate().subject.CN).toBe('server-renewed');
    expect(old.getPeerCertificate().subject.CN).toBe('server');
    expect(old.destroyed).toBe(false);
    expect(await knock(listener, revoked)).toBe('tls.client-certificate-revoked');
    old.destroy();
    fresh.destroy();
  });

  it('that is unusable changes nothing', async () => {
    const listener = await listen();
    expect(() => listener.listener.replaceTls(material({ key: good.key }))).toThrow(/key values mismatch/);
    expect(await knock(listener, good)).toBe('in');
  });
});

describe('the rule', () => {
  const now = Date.now();
  const shownBy = (changes: Partial<ShownCertificate>): ShownCertificate => ({
    ...{ fingerprint: 'ab', notBefore: now - day, notAfter: now + day, problem: undefined, underOurAuthority: true },
    ...changes,
  });
  const pinned: ClientTrust = { isPinned: () => true, anyPinned: true, learning: true };

  it('refuses whatever it does not know as harmless, pinned and learned about or not', () => {
    for (const problem of [
      'CERT_REVOKED',
      'CERT_SIGNATURE_FAILURE',
      'INVALID_PURPOSE',
      'UNSPECIFIED',
      'NEW_IN_OPENSSL_9',
    ]) {
      expect(refusal(shownBy({ problem, underOurAuthority: false }), pinned, now)).toBe(problem);
    }
  });

  it('looks at the dates itself, whatever problem OpenSSL names', () => {
    const problem = 'DEPTH_ZERO_SELF_SIGNED_CERT';
    const old = shownBy({ problem, underOurAuthority: false, notAfter: now - 1 });
    expect(refusal(old, pinned, now)).toBe('CERT_HAS_EXPIRED');
    const young = shownBy({ problem, underOurAuthority: false, notBefore: now + 1 });
    expect(refusal(young, pinned, now)).toBe('CERT_NOT_YET_VALID');
  });

  it("takes no stranger's word for a certificate under our own authority", () => {
    expect(refusal(shownBy({ problem: 'UNABLE_TO_GET_CRL' }), pinned, now)).toBe('UNABLE_TO_GET_CRL');
  });
});
