/** The figures of the senders and of the limits, as the running gateway shows them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { GatewayStatus, PeerStatus } from '../../src/web/status.ts';
import { tinyStudy } from '../../synthetic/index.ts';
import { createTestPki } from '../support/certificates.ts';
import { fetchText, type GatewayProcess } from '../support/gatewayProcess.ts';
import { associateRq, echoRq, RawPeer, storeCommand } from '../support/rawPeer.ts';
import { createSite, portOf, type Site, until } from './site.ts';

let site: Site;
beforeEach(() => {
  site = createSite('limits: { associationsPerPeer: 2, artimTimeout: 2s }', {
    peers: '[{ aeTitle: CT1 }, { aeTitle: US1 }, { aeTitle: MR2 }]',
  });
});
afterEach(() => site.remove());

const peerOf = (status: GatewayStatus, aeTitle: string): PeerStatus => {
  const peer = status.peers.find((one) => one.aeTitle === aeTitle);
  if (!peer) throw new Error(`no sender ${aeTitle}`);
  return peer;
};
const limitOf = (status: GatewayStatus, name: string) => status.limits.find((one) => one.key === `limits.${name}`);

async function associate(gateway: GatewayProcess, callingAeTitle: string): Promise<{ peer: RawPeer; answer: string }> {
  const { listeners } = await gateway.status();
  const peer = await RawPeer.connect(portOf(listeners[0]?.address ?? ''));
  peer.send(associateRq({ callingAeTitle, calledAeTitle: 'MEDUSA' }));
  return { peer, answer: await peer.answer() };
}

it('what a sender did is in its figures, and goes on after a restart', async () => {
  const gateway = await site.start();
  const folder = site.write('study', tinyStudy({ instances: 20 }));
  await site.send(folder, { calling: 'CT1' });
  await site.send(folder, { calling: 'CT1' });
  const before = await until(gateway, (status) => peerOf(status, 'CT1').released === 4, 'released');
  const ct = peerOf(before, 'CT1');
  expect(ct).toMatchObject({ associations: 4, openAssociations: 0, instances: 40, duplicates: 20, broken: 0 });
  expect(ct.acknowledged.count).toBe(40);
  expect(ct.link).toMatchObject({ associations24h: 4, acknowledgements24h: 40, badMinutes24h: 0, availability24h: 1 });
  expect(ct.link?.bytesPerSecondP50).toBeGreaterThan(0);
  expect(ct.link?.acknowledgeMsP99).toBeGreaterThanOrEqual(ct.link?.acknowledgeMsP50 ?? 0);
  expect(ct.link?.tooFewSamples).toContain('bytesPerSecondP50');
  expect(peerOf(before, 'MR2').lastSeenAt).toBeUndefined();

  const { peer } = await associate(gateway, 'US1');
  peer.send(storeCommand());
  peer.socket.end();
  await until(gateway, (status) => peerOf(status, 'US1').link?.badMinutes24h === 1, 'broken');
  expect(peerOf(await gateway.status(), 'US1')).toMatchObject({ broken: 1 });

  await gateway.stop();
  const again = await site.start();
  const after = await again.status();
  const { lastSeenAt, ...counts } = ct;
  expect(peerOf(after, 'CT1')).toMatchObject({
    ...counts,
    link: { availability24h: ct.link?.availability24h, acknowledgements24h: 40 },
  });
  expect(lastSeenAt).toBe(peerOf(after, 'CT1').lastSeenAt);
  expect(peerOf(after, 'US1')).toMatchObject({ broken: 1, link: { badMinutes24h: 1 } });
});

it('a limit that turns a sender away is counted, warned about with its key, and held against the link', async () => {
  const gateway = await site.start();
  const [first, second] = [await associate(gateway, 'US1'), await associate(gateway, 'US1')];
  expect([first.answer, second.answer]).toEqual(['AC', 'AC']);
  expect(limitOf(await gateway.status(), 'associationsPerPeer')).toMatchObject({ limit: 2, inUse: 2, hits: 0 });
  const third = await associate(gateway, 'US1');
  expect(third.answer).toBe('RJ 2/3/2');
  third.peer.destroy();
  const status = await gateway.status();
  expect(limitOf(status, 'associationsPerPeer')).toMatchObject({ hits: 1 });
  expect(status.warnings.find(({ code }) => code === 'limits.reached')).toMatchObject({
    subject: 'limits.associationsPerPeer',
    text: expect.stringMatching(/^limits\.associationsPerPeer was reached once .* by US1 at 127\.0\.0\.1\.$/),
  });
  expect(peerOf(status, 'US1')).toMatchObject({ rejected: { localLimitExceeded: 1 }, link: { badMinutes24h: 1 } });
  expect(await gateway.page()).toContain('limits.associationsPerPeer');
  const silent = await RawPeer.connect(portOf(status.listeners[0]?.address ?? ''));
  await until(gateway, (s) => limitOf(s, 'pendingConnections')?.inUse === 1, 'pending');
  await until(gateway, (s) => (limitOf(s, 'artimTimeout')?.hits ?? 0) >= 1, 'closed by ARTIM');
  first.peer.send(echoRq());
  expect(await first.peer.answer()).toBe('status 0000 to 1');
  for (const { peer } of [first, second]) peer.destroy();
  silent.destroy();
});

it("a limit of a peer's own is counted and warned about under its own key, and is beside those for everybody", async () => {
  await site.remove();
  site = createSite('', { peers: '[{ aeTitle: CT1, limits: { associations: 2 } }, { aeTitle: US1 }]' });
  const gateway = await site.start();
  const open = [await associate(gateway, 'CT1'), await associate(gateway, 'CT1'), await associate(gateway, 'CT1')];
  expect(open.map(({ answer }) => answer)).toEqual(['AC', 'AC', 'RJ 2/3/2']);
  const status = await gateway.status();
  expect(status.limits.find(({ key }) => key === 'peers[CT1].limits.associations')).toMatchObject({
    ...{ name: 'associations', peer: 'CT1', limit: 2, inUse: 2, hits: 1 },
  });
  expect(status.limits.filter(({ peer }) => peer !== undefined)).toHaveLength(1);
  expect(limitOf(status, 'associationsPerPeer')).toMatchObject({ limit: 64, inUse: 0, hits: 0 });
  const [warning, ...others] = status.warnings.filter(({ code }) => code === 'limits.reached');
  expect(warning?.text).toBe(
    'peers[CT1].limits.associations was reached once in the last 5 minutes, the last time by CT1 at 127.0.0.1.',
  );
  expect(others).toEqual([]);
  expect(await gateway.page()).toContain('peers[CT1].limits.associations');
  const metrics = await fetchText(`${site.stateDirectory}/api.sock`, '/metrics');
  for (const line of [
    'medusa_peer_limit{peer="CT1",limit="associations",unit="count"} 2',
    'medusa_peer_limit_in_use{peer="CT1",limit="associations"} 2',
    'medusa_peer_limit_hits_total{peer="CT1",limit="associations"} 1',
    'medusa_limit_hits_total{limit="associationsPerPeer"} 0',
  ]) {
    expect(metrics.split('\n')).toContain(line);
  }
  for (const { peer } of open) peer.destroy();
});

it('a handshake that fails is held against the link of the sender whose address it is', async () => {
  await site.remove();
  const folder = mkdtempSync(join(tmpdir(), 'medusa-pki-'));
  const { certificateFile, keyFile, caFile } = (await createTestPki(folder)).server;
  site = createSite('', {
    listeners: `[{ name: door, port: 0, tls: { certificateFile: ${certificateFile}, keyFile: ${keyFile}, clientCaFile: ${caFile} } }]`,
    peers: '[{ aeTitle: CT1, addresses: [127.0.0.1] }, { aeTitle: US1, addresses: [127.0.0.0/8] }]',
  });
  const gateway = await site.start();
  const { listeners } = await gateway.status();
  const peer = await RawPeer.connect(portOf(listeners[0]?.address ?? ''));
  peer.send(associateRq({ callingAeTitle: 'CT1' }));
  const status = await until(gateway, (s) => peerOf(s, 'CT1').link?.badMinutes24h === 1, 'bad');
  expect(peerOf(status, 'US1').link?.badMinutes24h).toBe(0);
  peer.destroy();
  rmSync(folder, { recursive: true });
});

it('a flood of strangers is counted to the last one, and is a few lines in the log', async () => {
  const gateway = await site.start();
  for (let i = 0; i < 60; i++) {
    const { peer, answer } = await associate(gateway, `STRANGER${i}`);
    expect(answer).toBe('RJ 1/1/3');
    peer.destroy();
  }
  const metrics = await fetchText(`${site.stateDirectory}/api.sock`, '/metrics');
  expect(metrics).toContain(
    'medusa_associations_rejected_total{peer="(unidentified callers)",reason="callingAeTitleNotRecognized"} 60',
  );
  await gateway.stop();
  const lines = site
    .log()
    .split('\n')
    .filter((line) => line.includes('"association.rejected"'))
    .map((line) => JSON.parse(line) as { msg: string; more?: number });
  const summaries = lines.filter(({ more }) => more !== undefined);
  expect(lines.length).toBeLessThan(20);
  const more = summaries.reduce((sum, line) => sum + (line.more ?? 0), 0);
  expect(lines.length - summaries.length + more).toBe(60);
  expect(lines.at(-1)?.msg).toMatch(/^and \d+ more like this/);
});
