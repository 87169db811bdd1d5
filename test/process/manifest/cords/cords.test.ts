import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Application } from '../../../../src/process/application.ts';
import { applicationOf } from '../../../../src/process/manifest/applicationOf.ts';
import { loadApplications } from '../../../../src/process/manifest/catalogue.ts';
import { readCordsDocument } from '../../../../src/process/manifest/cords/cordsDocument.ts';
import { formatCordsSize, parseCordsSize } from '../../../../src/process/manifest/cords/cordsSizes.ts';
import { exportCords } from '../../../../src/process/manifest/cords/exportCords.ts';
import { importCords } from '../../../../src/process/manifest/cords/importCords.ts';
import { parseManifest } from '../../../../src/process/manifest/parseManifest.ts';

const files = { directory: '/x', digest: '0' };
const foreign = readFileSync(new URL('accordsStyle.xml', import.meta.url));

function applicationIn(text: string): Application {
  const parsed = parseManifest(text, 'application.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return applicationOf(parsed.manifest, files);
}

const refusal = (xml: string) => {
  try {
    importCords(Buffer.from(xml), 'm.xml');
    return undefined;
  } catch (error) {
    return error;
  }
};

const line = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((text) => !/\p{Cc}|\p{Cs}|[\ufffe\uffff]/u.test(text));
const size = fc.oneof(
  fc.integer({ min: 2 ** 24, max: 2 ** 40 }),
  fc.integer({ min: 1, max: 1024 }).map((n) => n * 2 ** 30),
);

const cloudParts = fc.record({
  endpoint: line,
  image: fc.stringMatching(/^[a-z0-9][a-z0-9._:/@-]{0,60}$/),
  infrastructure: fc.record(
    {
      cores: fc.integer({ min: 1, max: 4096 }),
      memory: size,
      storage: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 44 }), size),
      architecture: fc.constantFrom('amd64', 'arm64', 'x86_64'),
      network: fc.record(
        {
          label: line.filter((text) => text.length <= 64),
          vlan: fc.constantFrom('7', '100M'),
          ports: fc.array(
            fc.record({
              protocol: fc.constantFrom('tcp' as const, 'udp' as const),
              from: fc.integer({ min: 1, max: 65535 }),
            }),
            { maxLength: 4 },
          ),
        },
        { requiredKeys: ['ports'] },
      ),
    },
    { requiredKeys: ['cores', 'memory', 'storage'] },
  ),
});

const applications: fc.Arbitrary<Application> = fc.record({
  name: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$/).filter((name) => !name.includes('--')),
  version: fc.constantFrom('1.0.0', '0.1.2-rc.1', '10.20.30'),
  description: line,
  directory: fc.constant('/x'),
  digest: fc.constant('0'),
  scope: fc.constantFrom('instance' as const, 'series' as const, 'study' as const),
  select: fc.record(
    {
      modality: fc.constant(['CT']),
      tags: fc.array(fc.record({ tag: fc.constant('0008103E'), contains: line }), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
  steps: fc.constant([
    { step: 'deidentify', profile: 'basic', options: ['retainUids'], burnedIn: [], safePrivate: [] } as const,
    { step: 'metadata' } as const,
  ] as unknown as Application['steps']),
  command: fc.oneof(fc.constant(undefined), fc.array(line, { minLength: 1, maxLength: 4 })),
  limits: fc.record({
    memory: size,
    cpu: fc.constantFrom(1, 0.5, 16),
    wall: fc.integer({ min: 1000, max: 24 * 3600e3 }),
    output: size,
    processes: fc.integer({ min: 1, max: 4096 }),
  }),
  promisedRatio: fc.oneof(
    fc.constant(undefined),
    fc.integer({ min: 1, max: 100_000 }).map((n) => n / 100_000),
  ),
  scannerDown: fc.constant('wait' as const),
  cloudPart: cloudParts,
  deliver: fc.constantFrom('results' as const, 'instances' as const, 'both' as const),
  termination: fc.constant({ onFailure: 'quarantine' as const, onInstanceFailure: 'continue' as const }),
});

describe('a round trip', () => {
  it('brings back what was exported, whatever stands in it', () => {
    fc.assert(
      fc.property(applications, (application) => {
        const imported = importCords(Buffer.from(exportCords(application)), 'm.xml');
        expect(applicationIn(imported.text)).toEqual(application);
        expect([...imported.notes, ...imported.left]).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('is the same text the second time, for the applications that come along', () => {
    const { applications: found } = loadApplications(join(import.meta.dirname, '../../../../config/apps'));
    expect(found.length).toBeGreaterThan(0);
    for (const application of found.filter(({ cloudPart }) => cloudPart !== undefined)) {
      const xml = exportCords(application);
      expect(exportCords(applicationIn(importCords(Buffer.from(xml), 'm.xml').text))).toBe(xml);
    }
  });
});

it('exports what a broker has to read', () => {
  const application = applicationIn(`
name: lung
version: 1.2.0
dataPart: { steps: [deidentify, preview], placement: { bandwidth: "results must be < 5 % of input" } }
cloudPart:
  image: registry.example.org/app:1.2.0
  infrastructure: { cores: 4, memory: 8GiB, storage: 20GiB, network: { label: web, ports: [{ from: 443 }] } }
`);
  const root = readCordsDocument(Buffer.from(exportCords(application)), 'm.xml');
  const node = root.children.find(({ name }) => name === 'node');
  const [infrastructure, image] = node?.children ?? [];
  expect(exportCords(application)).toContain('xmlns="http://www.compatibleone.fr/schemes/manifest.xsd"');
  expect(infrastructure?.children.map(({ name, attributes }) => [name, attributes])).toEqual([
    ['compute', { name: 'lung:cloud', architecture: 'any', cores: '4', memory: '8G' }],
    ['storage', { name: 'lung:cloud', size: '20G' }],
    ['network', { name: 'lung:cloud', label: 'web' }],
  ]);
  expect(infrastructure?.children[2]?.children[0]?.attributes).toEqual({
    ...{ name: 'port1', protocol: 'tcp', from: '443', to: '443' },
  });
  expect(image?.attributes).toEqual({ name: 'registry.example.org/app:1.2.0' });
  const placement = root.children.find(({ name }) => name === 'placement');
  expect(placement?.children.map(({ attributes }) => Object.values(attributes).join(' '))).toEqual([
    'occi.placement.algorithm eq bandwidth',
    'split.results.percent ls 5',
  ]);
});

it('has nothing to export of an application without a half in the cloud', () => {
  const application = applicationIn('name: a\nversion: 1.0.0\ndataPart: { steps: [deidentify, preview] }');
  expect(() => exportCords(application)).toThrow('has no cloudPart');
});

describe('a manifest that others wrote', () => {
  it('gives its needs, and names what has no place with us', () => {
    const { name, text, left, notes } = importCords(foreign, 'm.xml');
    expect(name).toBe('imaging-viewer');
    expect(applicationIn(text).cloudPart).toEqual({
      endpoint: 'zone',
      image: 'debian:viewer',
      infrastructure: {
        cores: 2,
        memory: 4 * 2 ** 30,
        storage: 10 * 2 ** 30,
        architecture: 'x86_64',
        network: { label: 'ethernet', vlan: '100M', ports: [{ protocol: 'tcp', from: 8080, to: 8090 }] },
      },
    });
    expect(left).toEqual([
      '/manifest/node: <node name="imaging:store" type="imaging:store" access="public" scope="common"/>',
      '/manifest/node[2]: name="viewer"',
      '/manifest/node[2]: provider="openstack"',
      '/manifest/node[2]/infrastructure: name="imaging:component"',
      '/manifest/node[2]/infrastructure/compute: name="imaging:component"',
      '/manifest/node[2]/infrastructure/compute: speed="2G"',
      '/manifest/node[2]/infrastructure/storage: name="imaging:component"',
      '/manifest/node[2]/infrastructure/network: name="imaging:component"',
      '/manifest/node[2]/infrastructure/network/port: name="web"',
      '/manifest/node[2]/infrastructure/network/port: range="0.0.0.0/0"',
      '/manifest/node[2]/image/system: name="debian_with_agent"',
      `/manifest/configuration: <configuration name="imaging:viewer"><action expression="viewer.system('run a=b');"/></configuration>`,
      '/manifest/security: <security name="imaging:security"/>',
      '/manifest/account: <account name="imaging:account"/>',
    ]);
    for (const one of left) expect(text).toContain(`#   ${one}\n`);
    expect(notes).toContain('memory: 4 is read as gigabytes');
    expect(notes).toContain('of 2 nodes "viewer" is taken');
  });

  it('reads the encoding that it declares', () => {
    const xml =
      '<?xml version="1.0" encoding="ISO-8859-1"?><manifest name="a"><description>Größe &#233;</description></manifest>';
    expect(importCords(Buffer.from(xml, 'latin1'), 'm.xml').text).toContain('description: Größe é\n');
  });

  it('keeps a comment a comment', () => {
    const { text } = importCords(Buffer.from('<manifest name="a"><x y="1&#10;deliver: both"/></manifest>'), 'm.xml');
    expect(applicationIn(text).deliver).toBe('instances');
  });
});

describe('what is refused', () => {
  const bomb = `<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><manifest name="&b;"/>`;
  it.each<[name: string, xml: string, message: RegExp]>([
    ['a document type', bomb, /has a document type/],
    ['one in small letters', '<!doctype m SYSTEM "file:///etc/passwd"><manifest/>', /has a document type/],
    ['an open tag', '<manifest name="a">\n<node></manifest>', /line 2, column 7/],
    ['an agreement', '<agreement name="a"/>', /is no CORDS manifest but <agreement>/],
    ['no XML', 'name: a', /line 1/],
    ['nothing', '', /Start tag expected|is empty/],
    ['nesting without end', '<a>'.repeat(500) + '</a>'.repeat(500), /nest/i],
    ['too much', `<manifest name="${'a'.repeat(2 ** 20)}"/>`, /is too large/],
    [
      'what no manifest may say',
      '<manifest name="a"><node><image name="not an image"/></node></manifest>',
      /is not an image reference/,
    ],
  ])('%s', (_name, xml, message) => {
    expect(String(refusal(xml))).toMatch(message);
  });
});

it('sizes: what is written is read as the same number', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      expect(parseCordsSize(formatCordsSize(bytes))).toBe(bytes);
    }),
  );
  expect(['4G', '4GB', '4 GiB', '4', '512m'].map(parseCordsSize)).toEqual([...Array(4).fill(2 ** 32), 2 ** 29]);
  expect(parseCordsSize('much')).toBeUndefined();
});
