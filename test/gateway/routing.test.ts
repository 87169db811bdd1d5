import { describe, expect, test } from 'vitest';
import { parseConfiguration } from '../../src/gateway/config/configuration.ts';
import { describeInstance } from '../../src/gateway/intake.ts';
import { askedTags, routing } from '../../src/gateway/routing.ts';
import type { InstanceMeta } from '../../src/spool/segmentFormat.ts';

const base = `site: a
peers: [{ aeTitle: ER, priority: urgent }, { aeTitle: CT1 }]
stores: [{ name: cloud, type: directory, path: ./x }]
applications: { directory: ./apps }
study: { quietSeconds: 30 }
`;

function parsed(routes: string) {
  const result = parseConfiguration(base + routes, { file: '/etc/gateway.yaml' });
  if (!result.ok) throw new Error(result.problems.map(({ key, message }) => `${key} ${message}`).join('\n'));
  // Secrets and files are not looked at by routing.
  return result.config as unknown as Parameters<typeof routing>[0];
}

const instance = (more: Partial<InstanceMeta> = {}): InstanceMeta => ({
  sopInstanceUid: '1.2.3',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  studyInstanceUid: '1.2',
  peer: 'CT1',
  modality: 'CT',
  flags: [],
  ...{ seq: 1, receivedAt: 0, version: 1, size: 1, sha256: '', parts: [] },
  ...more,
});

const lookUp = (reference: string) =>
  ({
    lung: { name: 'lung', version: '1.2.0', scope: 'study' as const },
    key: { name: 'key', version: '2.0.0', scope: 'series' as const },
  })[reference];

describe('routing', () => {
  test('an application takes the place of the delivery, with the waiting time of its route or of all', () => {
    const route = routing(
      parsed(`routes:
  - { name: whole, store: cloud }
  - { name: lung, store: cloud, application: lung, quietSeconds: 2 }
  - { name: key, store: cloud, application: key }
`),
      lookUp,
    );
    const [direct, lung, key] = route(instance({ peer: 'ER' }));
    expect(direct).toEqual({ store: 'cloud', priority: 2 });
    expect(lung?.application).toEqual({
      route: 'lung',
      name: 'lung',
      version: '1.2.0',
      scope: 'study',
      quietMs: 2_000,
    });
    expect(key?.application).toEqual({ route: 'key', name: 'key', version: '2.0.0', scope: 'series', quietMs: 30_000 });
  });

  test('what the sender says there is in all counts for the scope that it is of', () => {
    const config = parsed(`routes:
  - { name: lung, store: cloud, application: lung }
  - { name: key, store: cloud, application: key }
`);
    const expected = (routeTags: Record<string, string>) =>
      routing(config, lookUp)(instance({ routeTags })).map(({ application }) => application?.expected);
    expect(expected({ '00201208': '300', '00201209': '20' })).toEqual([300, 20]);
    expect(expected({ '00201208': '', '00201209': '-1' })).toEqual([undefined, undefined]);
    expect(expected({ '00201208': '0', '00201209': 'many' })).toEqual([undefined, undefined]);
    expect([...askedTags(config)]).toEqual([0x00201208, 0x00201209]);
  });

  test.each([
    ['{ tag: SeriesDescription, equals: chest }', 'CHEST', true],
    ['{ tag: SeriesDescription, equals: chest }', 'CHEST 2', false],
    ['{ tag: "0008103E", contains: lung }', 'Left Lung', true],
    ['{ tag: SeriesDescription, matches: "^(axial|tra)" }', 'AXIAL 5mm', true],
    ['{ tag: SeriesDescription, matches: "^(axial|tra)" }', 'nonaxial', false],
    ['{ tag: SeriesDescription, matches: "^(axial|tra)$" }', 'sag\\tra', true],
    ['{ tag: SeriesDescription, present: true }', '', false],
    ['{ tag: SeriesDescription, present: false }', '', true],
    ['{ tag: SeriesDescription, present: false }', 'x', false],
    ['{ tag: SeriesDescription, equals: chest, present: true }', undefined, false],
  ])('%s of %s: %s', (test, value, fits) => {
    const config = parsed(`routes: [{ name: r, store: cloud, match: { tags: [${test}] } }]`);
    const routeTags = value === undefined ? undefined : { '0008103E': value };
    const found = routing(config)(instance(routeTags === undefined ? {} : { routeTags }));
    expect(found).toHaveLength(fits ? 1 : 0);
  });

  test('a value on which another engine would take for ever is judged like any other', () => {
    const config = parsed(
      `routes: [{ name: r, store: cloud, match: { tags: [{ tag: PatientID, matches: "^(a+)+$" }] } }]`,
    );
    const fits = (value: string) => routing(config)(instance({ routeTags: { '00100020': value } })).length === 1;
    expect([fits(`${'a'.repeat(200)}b`), fits('a'.repeat(256))]).toEqual([false, true]);
  });

  test('what matches a route whose application is not there is kept, also by other routes; the rest goes on', () => {
    const config = parsed(`routes: [{ name: all, store: cloud },
      { name: r, store: cloud, application: other, match: { modalities: [MR] } }]`);
    const route = routing(config, lookUp);
    expect(route(instance({ modality: 'MR' }))).toEqual([]);
    expect(route(instance({ modality: 'CT' }))).toMatchObject([{ store: 'cloud' }]);
  });

  test.each([
    ['routes: [{ name: r, store: cloud, match: { tags: [{ tag: SeriesDescription }] } }]', 'tests nothing'],
    [
      'routes: [{ name: r, store: cloud, match: { tags: [{ tag: PixelData, present: true }] } }]',
      'is not an attribute that',
    ],
    [
      'routes: [{ name: r, store: cloud, match: { tags: [{ tag: Rows, equals: "1" }] } }]',
      'no text as its value (VR US)',
    ],
    ['routes: [{ name: r, store: cloud, match: { tags: [{ tag: NoSuch, equals: "1" }] } }]', 'is not an attribute'],
    ['routes: [{ name: r, store: cloud, match: { tags: [{ tag: PatientID, matches: "(" }] } }]', 'regular expression'],
    ['routes: [{ name: r, store: cloud, quietSeconds: 3 }]', 'is for a route with an application'],
  ])('%s is refused: %s', (routes, why) => {
    expect(() => parsed(routes)).toThrow(why);
  });
});

describe('what routes look at', () => {
  const header = { sopClassUid: '1.2', sopInstanceUid: '1.2.3', transferSyntaxUid: '1.2.840.10008.1.2.1', peer: 'CT1' };
  test('is text, whatever its character set, without padding and within bounds', () => {
    const asked = new Map([
      [0x00080005, 'ISO_IR 192'],
      [0x0008103e, Buffer.from('Schädel \\Hüfte\0', 'utf8').toString('latin1')],
      [0x00081030, 'x'.repeat(300)],
    ]);
    const { routeTags } = describeInstance(header, { asked });
    expect(routeTags).toEqual({ '0008103E': 'Schädel\\Hüfte', '00081030': 'x'.repeat(256) });
    expect(describeInstance(header, {})).not.toHaveProperty('routeTags');
  });
});
