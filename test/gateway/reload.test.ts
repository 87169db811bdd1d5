import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createMemoryLog } from '../../src/base/log.ts';
import { changedKeys } from '../../src/gateway/config/changedKeys.ts';
import { loadConfiguration } from '../../src/gateway/config/configuration.ts';
import { knownKeys } from '../../src/gateway/config/jsonSchema.ts';
import { LiveConfiguration } from '../../src/gateway/liveConfiguration.ts';
import { reloadConfiguration } from '../../src/gateway/reload.ts';
import { Health } from '../../src/web/warnings.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'medusa-reload-'));
  file = join(folder, 'gateway.yaml');
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(text: string) {
  writeFileSync(file, text);
  const loaded = loadConfiguration(file, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

/** A gateway's configuration that was started with `text`, and what a reload of another text does to it. */
function startedWith(text: string) {
  const started = load(text);
  const live = new LiveConfiguration(started);
  const health = new Health(() => Date.now());
  const { log, lines } = createMemoryLog();
  const told: string[] = [];
  const reload = (next: string | undefined) => {
    if (next === undefined) rmSync(file);
    else writeFileSync(file, next);
    const afterwards = [(config: { log: { level: string } }) => void told.push(config.log.level)];
    const reloadTls = async () => [{ listener: 'tls', state: 'unchanged' as const }];
    return reloadConfiguration({ started, live, file, health, log, afterwards, reloadTls });
  };
  return { live, reload, lines, told, warnings: () => health.active().map(({ code }) => code) };
}

/** Two values for each key that is live; a peer's certificate files are left out, as they would have to be there. */
const liveValues: Record<string, [unknown, unknown]> = {
  aeTitle: ['A', 'B'],
  'peers[].aeTitle': ['CT1', 'CT2'],
  'peers[].addresses': [['10.0.0.1'], ['10.0.0.2']],
  'peers[].certificateFingerprints': [['ab'.repeat(32)], ['cd'.repeat(32)]],
  'peers[].certificateSubjects': [['CN=a'], ['CN=b']],
  'peers[].certificateIssuers': [['ab'.repeat(32)], ['cd'.repeat(32)]],
  'peers[].userIdentity.user': ['a', 'b'],
  'peers[].userIdentity.passcode': ['a', 'b'],
  'peers[].priority': ['normal', 'urgent'],
  'peers[].calledAeTitles': [['A'], ['B']],
  'peers[].sopClasses': [['1.2'], ['1.3']],
  'peers[].transferSyntaxPreference': [['1.2'], ['1.3']],
  'peers[].limits.associations': [1, 2],
  'peers[].limits.maxPduLength': [8192, 4096],
  'peers[].limits.operationsWindow': [1, 2],
  'peers[].limits.instanceBytes': [1, 2],
  'peers[].limits.associationBytes': [1, 2],
  'peers[].limits.idleTimeout': [1000, 2000],
  'peers[].limits.minimumRate': [1, 2],
  'peers[].storageCommitment.means': ['spooled', 'delivered'],
  'peers[].storageCommitment.report.host': ['10.0.0.1', '10.0.0.2'],
  'peers[].storageCommitment.report.port': [104, 105],
  'peers[].storageCommitment.report.aeTitle': ['A', 'B'],
  'peers[].storageCommitment.sameAssociation': [true, false],
  'limits.associations': [1, 2],
  'limits.associationsPerPeer': [1, 2],
  'limits.maxPduLength': [8192, 4096],
  'limits.presentationContexts': [1, 2],
  'limits.associateRequestBytes': [8192, 4096],
  'limits.artimTimeout': [1000, 2000],
  'limits.idleTimeout': [1000, 2000],
  'limits.minimumRate': [1, 2],
  'limits.operationsWindow': [1, 2],
  'limits.instanceBytes': [1, 2],
  'limits.associationBytes': [1, 2],
  'log.level': ['info', 'debug'],
};

/** The least configuration in which the key has this value. */
function textWith(key: string, value: unknown): string {
  const build = ([step, ...rest]: string[]): unknown => {
    if (step === undefined) return value;
    if (step.endsWith('[]')) return { [step.slice(0, -2)]: [{ aeTitle: 'CT1', ...(build(rest) as object) }] };
    const report = step === 'report' ? { host: '10.0.0.9', port: 104 } : {};
    const user = step === 'userIdentity' ? { user: 'u' } : {};
    const inner = build(rest);
    return { [step]: typeof inner === 'object' && !Array.isArray(inner) ? { ...report, ...user, ...inner } : inner };
  };
  return stringify({ site: 'a', ...(build(key.split('.')) as object) });
}

describe('each key that is marked live', () => {
  const marked = knownKeys().filter(({ leaf, applies }) => leaf && applies === 'live');

  it('has values here', () => {
    const without = marked.map(({ key }) => key).filter((key) => !(key in liveValues));
    expect(without).toEqual(
      ['caFile', 'certificateFile', 'keyFile', 'serverName'].map(
        (name) => `peers[].storageCommitment.report.tls.${name}`,
      ),
    );
  });

  it.each(Object.entries(liveValues))('%s is in force after a reload', async (key, [before, after]) => {
    const { live, reload } = startedWith(textWith(key, before));
    const answer = await reload(textWith(key, after));
    const wanted = key === 'peers[].aeTitle' ? 'peers' : key;
    expect(answer).toMatchObject({ reloaded: true, applied: [wanted], needRestart: [] });
    expect(changedKeys(live.view, load(textWith(key, after)))).toEqual([]);
  });
});

describe('a reload', () => {
  it('of a file with problems changes nothing, names them, and warns until it is mended', async () => {
    const { live, reload, lines, warnings, told } = startedWith('site: a\npeers: [{ aeTitle: CT1 }]\n');
    const answer = await reload('site: a\npeers: [{ aeTitle: CT2 }]\nlimits: { idleTimeout: soon }\n');
    expect(answer).toMatchObject({ reloaded: false, applied: [], problems: [{ line: 3, key: 'limits.idleTimeout' }] });
    expect(live.view.peers).toMatchObject([{ aeTitle: 'CT1' }]);
    expect([live.peers.find('CT1') !== undefined, live.peers.find('CT2')]).toEqual([true, undefined]);
    expect(warnings()).toEqual(['config.reload-refused']);
    expect(lines.at(-1)).toMatchObject({ event: 'config.reload-refused', level: 'error' });
    expect(told).toEqual([]);
    expect(await reload('site: a\npeers: [{ aeTitle: CT2 }]\n')).toMatchObject({ reloaded: true, applied: ['peers'] });
    expect([warnings(), live.peers.find('CT2') !== undefined]).toEqual([[], true]);
  });

  it('of a file that is gone changes nothing', async () => {
    const { live, reload } = startedWith('site: a\naeTitle: A\n');
    expect(await reload(undefined)).toMatchObject({
      reloaded: false,
      problems: [{ message: 'the file does not exist' }],
    });
    expect(live.view.aeTitle).toBe('A');
  });

  it('says which keys wait for a restart, until they are as they were', async () => {
    const { live, reload, warnings, told } = startedWith('site: a\nlimits: { connections: 100 }\n');
    const answer = await reload(`site: b
limits: { connections: 200, idleTimeout: 5s }
stores: [{ name: s, type: directory, path: x }]
log: { level: debug }
`);
    expect(answer).toMatchObject({
      applied: ['limits.idleTimeout', 'log.level'],
      needRestart: ['limits.connections', 'site', 'stores'],
    });
    expect(live.view).toMatchObject({ site: 'a', limits: { connections: 100, idleTimeout: 5000 }, stores: [] });
    expect([warnings(), told]).toEqual([['config.restart-needed'], ['debug']]);
    expect((await reload('site: a\nlimits: { connections: 100 }\n')).needRestart).toEqual([]);
    expect(warnings()).toEqual([]);
  });

  it('names the key of a secret, never its value', async () => {
    const text = (passcode: string) =>
      `site: a\npeers: [{ aeTitle: CT1, userIdentity: { user: u, passcode: ${passcode} } }]\n`;
    const { reload, lines } = startedWith(text('geheim'));
    const answer = await reload(text('verraten'));
    expect(answer.applied).toEqual(['peers[].userIdentity.passcode']);
    expect(JSON.stringify([answer, lines])).not.toMatch(/geheim|verraten/);
  });
});
