/** What a configuration names outside itself: TLS files and secrets. Each fault becomes a finding at its key. */
import type { X509Certificate } from 'node:crypto';
import type { Finding, KeyPath } from '../../base/yaml/problem.ts';
import type { StoreConfiguration } from '../../delivery/store/objectStore.ts';
import { type ListenerTls, loadTls } from '../tls/tlsFiles.ts';
import { type FileFault, readCertificates, readPrivateKey } from './pem.ts';
import type { ParsedConfiguration } from './schema.ts';
import { type Environment, resolveSecret } from './secrets.ts';

type ParsedListener = Readonly<ParsedConfiguration['listeners'][number]>;
type ParsedStore = ParsedConfiguration['stores'][number];
type ParsedPeer = ParsedConfiguration['peers'][number];

export type TlsFiles = ListenerTls;

const at = (path: KeyPath, fault: FileFault): Finding => ({ path, message: fault.message, hint: fault.hint });

/** Findings on the TLS files of one listener, and its certificates as far as they can be read. */
export function inspectTls(
  tls: TlsFiles,
  path: KeyPath,
  environment?: Environment,
): { chain: X509Certificate[]; findings: Finding[] } {
  const { chain, faults } = loadTls(tls, environment);
  return { chain, findings: faults.map((fault) => at([...path, fault.key], fault)) };
}

/** Stores with their secrets in place, as delivery takes them; those that are wrong in themselves are left out. */
export function resolveStores(
  stores: ReadonlyArray<ParsedStore | undefined>,
  environment: Environment,
): { stores: StoreConfiguration[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const resolved = stores.flatMap((store, index): StoreConfiguration[] => {
    if (store === undefined) return [];
    if (store.type === 'directory') return [store];
    const secret = resolveSecret(store.secretAccessKey, environment);
    if (!secret.ok) findings.push(at(['stores', index, 'secretAccessKey'], secret.fault));
    if (store.caFile !== undefined) {
      const authorities = readCertificates(store.caFile);
      if (!authorities.ok) findings.push(at(['stores', index, 'caFile'], authorities.fault));
    }
    return [{ ...store, secretAccessKey: secret.ok ? secret.value : '' }];
  });
  return { stores: resolved, findings };
}

/** A peer whose passcode is in place. */
export type ResolvedPeer = Omit<ParsedPeer, 'userIdentity'> & { userIdentity?: { user: string; passcode?: string } };

/** Peers with their passcodes in place, and findings on those and on the files for reports. */
export function resolvePeers(
  peers: ReadonlyArray<ParsedPeer | undefined>,
  environment: Environment,
): { peers: ResolvedPeer[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const resolved = peers.flatMap((peer, index): ResolvedPeer[] => {
    if (peer === undefined) return [];
    const { userIdentity, ...rest } = peer;
    findings.push(...reportFindings(peer, ['peers', index, 'storageCommitment', 'report', 'tls']));
    if (userIdentity === undefined) return [rest];
    const { user, passcode } = userIdentity;
    if (passcode === undefined) return [{ ...rest, userIdentity: { user } }];
    const secret = resolveSecret(passcode, environment);
    if (!secret.ok) findings.push(at(['peers', index, 'userIdentity', 'passcode'], secret.fault));
    return secret.ok ? [{ ...rest, userIdentity: { user, passcode: secret.value } }] : [];
  });
  return { peers: resolved, findings };
}

function reportFindings({ storageCommitment }: ParsedPeer, path: KeyPath): Finding[] {
  const tls = storageCommitment?.report?.tls;
  if (tls === undefined) return [];
  const authorities = readCertificates(tls.caFile);
  const certificate = tls.certificateFile === undefined ? undefined : readCertificates(tls.certificateFile);
  const key = tls.keyFile === undefined ? undefined : readPrivateKey(tls.keyFile);
  const findings = Object.entries({ caFile: authorities, certificateFile: certificate, keyFile: key }).flatMap(
    ([name, result]) => (result === undefined || result.ok ? [] : [at([...path, name], result.fault)]),
  );
  if (certificate?.ok && key?.ok && !certificate.value[0]?.checkPrivateKey(key.value)) {
    const message = 'is not the key of the first certificate in certificateFile';
    findings.push({ path: [...path, 'keyFile'], message, hint: 'name the pair that was made together' });
  }
  return findings;
}

/** Findings on the TLS files of all listeners. */
export function tlsFindings(listeners: ReadonlyArray<ParsedListener | undefined>, environment: Environment): Finding[] {
  return listeners.flatMap((listener, index) =>
    listener?.tls ? inspectTls(listener.tls, ['listeners', index, 'tls'], environment).findings : [],
  );
}
