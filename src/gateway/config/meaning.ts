/** Rules that hold between keys, which a schema cannot say. Pure. */
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { didYouMean } from '../../base/yaml/closest.ts';
import type { Finding } from '../../base/yaml/problem.ts';
import { parseDistinguishedName } from '../peers/distinguishedName.ts';
import { type PartialConfiguration, soundParts, writtenNames } from './partial.ts';

/** sun_path of unix(7) holds 108 bytes, the last of them 0. */
const maxSocketPathBytes = 107;
const minSegments = 4;
/** Different attributes that all routes together may test. */
const maxRouteTags = 14;

/** The daemon's local socket. */
export function socketPath(stateDirectory: string): string {
  return join(stateDirectory, 'api.sock');
}

/** Findings on `root`, the content of a configuration file in `folder`, of which some may be wrong. */
export function meaningFindings(root: unknown, folder: string): Finding[] {
  const sound = soundParts(root);
  return [
    ...duplicates(root, 'listeners', 'name'),
    ...duplicates(root, 'peers', 'aeTitle'),
    ...duplicates(root, 'stores', 'name'),
    ...duplicates(root, 'routes', 'name'),
    ...listenerFindings(sound),
    ...peerFindings(sound),
    ...addressFindings(sound),
    ...limitFindings(sound, folder),
    ...routeFindings(sound, root),
    ...tagCountFindings(sound),
  ];
}

function duplicates(
  root: unknown,
  list: 'listeners' | 'peers' | 'stores' | 'routes',
  key: 'name' | 'aeTitle',
): Finding[] {
  const names = writtenNames(root, list, key);
  return names.flatMap((name, index): Finding[] => {
    const first = names.indexOf(name);
    if (name === undefined || first === index) return [];
    const hint = key === 'name' ? 'give each its own name' : 'say all of one AE title in one entry';
    return [{ path: [list, index, key], message: `"${name}" is ${list}[${first}] already`, hint }];
  });
}

function listenerFindings(sound: PartialConfiguration): Finding[] {
  return (sound.listeners ?? []).flatMap((listener, index): Finding[] => {
    const path = ['listeners', index];
    if (!listener) return [];
    if (listener.tls && listener.plain) {
      return [
        {
          path: [...path, 'plain'],
          message: 'contradicts tls',
          hint: 'remove one of the two, or make two listeners',
          atKey: true,
        },
      ];
    }
    if (!listener.tls && !listener.plain) {
      const hint = 'add tls: with certificateFile, keyFile and clientCaFile, or say plain: true';
      return [{ path, message: 'has neither tls nor plain', hint }];
    }
    return listener.tls ? tlsKeyFindings(listener.tls, [...path, 'tls']) : [];
  });
}

type Tls = NonNullable<NonNullable<NonNullable<PartialConfiguration['listeners']>[number]>['tls']>;

/** Certificate and key come in one of two ways. That no sender is known by any certificate is no fault: see `check`. */
function tlsKeyFindings(tls: Tls, path: Array<string | number>): Finding[] {
  const findings: Finding[] = [];
  const at = (key: keyof Tls, message: string, hint: string) =>
    void findings.push({ path: [...path, key], message, hint, atKey: true });
  const { certificateFile, keyFile, pkcs12File } = tls;
  if (pkcs12File !== undefined) {
    const other = certificateFile !== undefined ? 'certificateFile' : 'keyFile';
    if (tls[other] !== undefined) at(other, 'contradicts pkcs12File', 'name either the PEM files or the PKCS #12 file');
  } else if (certificateFile === undefined && keyFile === undefined) {
    const hint = 'add certificateFile and keyFile, or pkcs12File';
    findings.push({ path, message: 'has no certificate', hint });
  } else if (certificateFile === undefined || keyFile === undefined) {
    const [there, missing] =
      certificateFile === undefined ? ['keyFile', 'certificateFile'] : ['certificateFile', 'keyFile'];
    findings.push({ path, message: `has ${there} but no ${missing}`, hint: `add ${missing}` });
  }
  if (tls.keyPassphrase !== undefined && keyFile === undefined) {
    at('keyPassphrase', 'is for a keyFile, and there is none', 'remove it, or use pkcs12Passphrase');
  }
  if (tls.pkcs12Passphrase !== undefined && pkcs12File === undefined) {
    at('pkcs12Passphrase', 'is for a pkcs12File, and there is none', 'remove it, or use keyPassphrase');
  }
  if (tls.crlFile !== undefined && tls.clientCaFile === undefined) {
    at('crlFile', 'is of the authorities in clientCaFile, and there is none', 'add clientCaFile, or remove it');
  }
  return findings;
}

function peerFindings(sound: PartialConfiguration): Finding[] {
  return (sound.peers ?? []).flatMap((peer, index): Finding[] => {
    if (!peer) return [];
    const subjects = (peer.certificateSubjects ?? []).flatMap((text, at): Finding[] => {
      if (parseDistinguishedName(text)) return [];
      const path = ['peers', index, 'certificateSubjects', at];
      return [
        {
          path,
          message: 'is not a distinguished name',
          hint: 'write attribute=value; a + or , in a value as \\+ or \\,',
        },
      ];
    });
    const tls = peer.storageCommitment?.report?.tls;
    if (tls === undefined || (tls.certificateFile === undefined) === (tls.keyFile === undefined)) return subjects;
    const path = ['peers', index, 'storageCommitment', 'report', 'tls'];
    return [...subjects, { path, message: 'needs certificateFile and keyFile together', hint: 'name both, or none' }];
  });
}

type Address = { path: Array<string | number>; what: string; host: string; port: number };

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (isIP(host) === 6 && /^[0:]+$/.test(host));
}

function overlap(a: Address, b: Address): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  if (a.host === b.host) return true;
  const sameFamily = isIP(a.host) === isIP(b.host);
  const wide = [a, b].some(({ host }) => isIP(host) === 6 && isWildcard(host)); // :: takes IPv4 as well
  return wide || (sameFamily && (isWildcard(a.host) || isWildcard(b.host)));
}

function addressFindings(sound: PartialConfiguration): Finding[] {
  const addresses: Address[] = (sound.listeners ?? []).flatMap((listener, index) =>
    listener ? [{ path: ['listeners', index, 'port'], what: `listeners[${index}]`, ...listener }] : [],
  );
  if (sound.api?.enabled) addresses.push({ path: ['api', 'port'], what: 'api', ...sound.api });
  return addresses.flatMap((address, index): Finding[] => {
    const other = addresses.slice(0, index).find((earlier) => overlap(earlier, address));
    if (!other) return [];
    const message = `${address.host} port ${address.port} is taken by ${other.what}`;
    return [{ path: address.path, message, hint: 'give each its own port' }];
  });
}

function limitFindings(sound: PartialConfiguration, folder: string): Finding[] {
  const findings: Finding[] = [];
  const { spool, delivery, stateDirectory } = sound;
  if (spool && spool.quota < minSegments * spool.segmentSize) {
    const message = `is less than ${minSegments} segments (${minSegments * spool.segmentSize} bytes)`;
    findings.push({ path: ['spool', 'quota'], message, hint: 'raise spool.quota or lower spool.segmentSize' });
  }
  if (delivery && delivery.retry.cap < delivery.retry.initial) {
    findings.push({ path: ['delivery', 'retry', 'cap'], message: 'is shorter than delivery.retry.initial' });
  }
  const { processing } = sound;
  if (processing && processing.retry.cap < processing.retry.initial) {
    findings.push({ path: ['processing', 'retry', 'cap'], message: 'is shorter than processing.retry.initial' });
  }
  if (
    stateDirectory !== undefined &&
    Buffer.byteLength(socketPath(resolve(folder, stateDirectory))) > maxSocketPathBytes
  ) {
    const message = `is too long: the socket in it may have a path of ${maxSocketPathBytes} bytes`;
    findings.push({ path: ['stateDirectory'], message, hint: 'take a shorter path' });
  }
  (sound.stores ?? []).forEach((store, index) => {
    if (store?.type === 's3' && store.multipartThreshold < store.partSize) {
      const hint = 'an object that is sent in parts has more than one: raise multipartThreshold';
      findings.push({ path: ['stores', index, 'multipartThreshold'], message: 'is smaller than partSize', hint });
    }
  });
  return findings;
}

/** Their values are kept with each instance. */
function tagCountFindings(sound: PartialConfiguration): Finding[] {
  const tags = new Set((sound.routes ?? []).flatMap((route) => route?.match.tags ?? []).map(({ tag }) => tag));
  if (tags.size <= maxRouteTags) return [];
  const message = `test ${tags.size} attributes, and may test ${maxRouteTags} in all`;
  return [{ path: ['routes'], message, hint: "leave the finer choice to the applications' own select" }];
}

function routeFindings(sound: PartialConfiguration, root: unknown): Finding[] {
  const stores = writtenNames(root, 'stores', 'name').filter((name) => name !== undefined);
  const peers = writtenNames(root, 'peers', 'aeTitle').filter((name) => name !== undefined);
  return (sound.routes ?? []).flatMap((route, index): Finding[] => {
    if (!route) return [];
    const findings: Finding[] = [];
    if (!stores.includes(route.store)) {
      const hint = didYouMean(route.store, stores, 'stores');
      findings.push({ path: ['routes', index, 'store'], message: `there is no store "${route.store}"`, hint });
    }
    if (route.application !== undefined && sound.applications?.directory === undefined) {
      const hint = 'say in applications.directory where the applications are';
      findings.push({ path: ['routes', index, 'application'], message: 'there are no applications', hint });
    }
    if (route.quietSeconds !== undefined && route.application === undefined) {
      const hint = 'name an application, or remove it: what goes as it is does not wait';
      findings.push({ path: ['routes', index, 'quietSeconds'], message: 'is for a route with an application', hint });
    }
    (route.match.tags ?? []).forEach(({ tag: _tag, ...tests }, at) => {
      if (Object.keys(tests).length > 0) return;
      const path = ['routes', index, 'match', 'tags', at];
      findings.push({ path, message: 'tests nothing', hint: 'add equals, contains, matches or present' });
    });
    if (peers.includes('*')) return findings;
    (route.match.peers ?? []).forEach((peer, at) => {
      if (peers.includes(peer)) return;
      const path = ['routes', index, 'match', 'peers', at];
      findings.push({ path, message: `there is no peer "${peer}"`, hint: didYouMean(peer, peers, 'peers') });
    });
    return findings;
  });
}
