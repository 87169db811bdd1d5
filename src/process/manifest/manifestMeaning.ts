/** Rules that hold between the keys of a manifest, which a schema cannot say. Pure. */
import type { Finding } from '../../base/yaml/problem.ts';
import type { ParsedManifest } from './manifestSchema.ts';

type Steps = ParsedManifest['dataPart']['steps'];
type StepName = keyof Steps[number];

const namesOf = (steps: Steps): Array<StepName | undefined> =>
  steps.map((step) => Object.keys(step)[0] as StepName | undefined);

function shapeFindings(steps: Steps): Finding[] {
  const names = namesOf(steps);
  return steps.flatMap((step, index): Finding[] => {
    const path = ['dataPart', 'steps', index];
    const count = Object.keys(step).length;
    if (count === 0) return [{ path, message: 'names no step', hint: 'write one such as "- deidentify"' }];
    if (count > 1) {
      return [{ path, message: `names ${count} steps`, hint: 'begin each step with "- ", in the order they run in' }];
    }
    const name = names[index];
    const first = names.indexOf(name);
    if (first === index || name === 'select') return [];
    return [{ path, message: `${name} is step ${first + 1} already`, hint: 'remove one of the two' }];
  });
}

/** What has been made, or let through, before it was de-identified holds the patient's identity. */
const afterDeidentify: readonly StepName[] = ['preview', 'metadata'];

function orderFindings(steps: Steps): Finding[] {
  const names = namesOf(steps);
  const deidentify = names.indexOf('deidentify');
  return names.flatMap((name, index): Finding[] => {
    const path = ['dataPart', 'steps', index];
    if (name !== undefined && afterDeidentify.includes(name) && index < deidentify) {
      const message = `${name} before deidentify would show who the patient is`;
      return [{ path, message, hint: 'move it behind deidentify' }];
    }
    if (name === 'compress' && index < names.length - 1) {
      const message = `compress has to be the last step, and ${names[index + 1] ?? 'another'} follows`;
      return [{ path, message, hint: 'move it to the end: later steps would have to decode it again' }];
    }
    return [];
  });
}

const deliversInstances = ({ deliver }: ParsedManifest) =>
  typeof deliver === 'string' ? deliver !== 'results' : deliver.includes('instances');
const deliversResults = ({ deliver }: ParsedManifest) =>
  typeof deliver === 'string' ? deliver !== 'instances' : deliver.includes('results');

function deliveryFindings(manifest: ParsedManifest): Finding[] {
  const { command, steps } = manifest.dataPart;
  const names = namesOf(steps);
  const makesResults = command !== undefined || names.includes('preview') || names.includes('metadata');
  if (makesResults || deliversInstances(manifest)) return [];
  const hint = 'add a command, preview or metadata, or say deliver: instances';
  return [{ path: ['deliver'], message: 'nothing would be delivered: no part makes results', hint }];
}

function countFindings({ scope, select }: ParsedManifest): Finding[] {
  const { minInstances = 1, maxInstances } = select;
  if (maxInstances !== undefined && maxInstances < minInstances) {
    return [{ path: ['select', 'maxInstances'], message: `is below select.minInstances (${minInstances})` }];
  }
  if (scope === 'instance' && minInstances > 1) {
    const hint = 'say scope: series or study';
    return [{ path: ['select', 'minInstances'], message: 'can never be reached: scope is instance', hint }];
  }
  return [];
}

function testFindings(manifest: ParsedManifest): Finding[] {
  const places = [
    { path: ['select'], tags: manifest.select.tags },
    ...manifest.dataPart.steps.map((step, index) => ({
      path: ['dataPart', 'steps', index, 'select'],
      tags: step.select?.tags,
    })),
  ];
  return places.flatMap(({ path, tags = [] }) =>
    tags.flatMap((test, index): Finding[] => {
      const at = [...path, 'tags', index];
      if (Object.keys(test).length === 1) {
        return [{ path: at, message: 'tests nothing', hint: 'add equals, contains, matches, present, min or max' }];
      }
      const message = test.matches === undefined ? undefined : regularExpressionFault(test.matches);
      if (message !== undefined)
        return [{ path: [...at, 'matches'], message, hint: 'a \\ stands as \\\\ in double quotes' }];
      return test.min !== undefined && test.max !== undefined && test.max < test.min
        ? [{ path: [...at, 'max'], message: `is below min (${test.min})` }]
        : [];
    }),
  );
}

function regularExpressionFault(text: string): string | undefined {
  try {
    new RegExp(text, 'iu');
    return undefined;
  } catch {
    return 'is not a regular expression';
  }
}

function portFindings({ cloudPart }: ParsedManifest): Finding[] {
  return (cloudPart?.infrastructure.network?.ports ?? []).flatMap(({ from, to = from }, index): Finding[] => {
    const path = ['cloudPart', 'infrastructure', 'network', 'ports', index, 'to'];
    return to < from ? [{ path, message: `is below from (${from})` }] : [];
  });
}

/** What is wrong. */
export function meaningFindings(manifest: ParsedManifest): Finding[] {
  const { steps } = manifest.dataPart;
  return [
    ...shapeFindings(steps),
    ...orderFindings(steps),
    ...deliveryFindings(manifest),
    ...countFindings(manifest),
    ...testFindings(manifest),
    ...portFindings(manifest),
  ];
}

/** What is allowed but seldom meant. */
export function secondThoughts(manifest: ParsedManifest): Finding[] {
  const { steps, placement, command } = manifest.dataPart;
  const names = namesOf(steps);
  const findings: Finding[] = [];
  if (!names.includes('deidentify')) {
    const message = 'without deidentify, what is delivered says who the patient is';
    const hint = 'add "- deidentify", unless the store is one that may know';
    findings.push({ path: ['dataPart', 'steps'], message, hint });
  }
  if (names.includes('compress') && !deliversInstances(manifest)) {
    const message =
      command === undefined
        ? 'compress does nothing: no instances are delivered'
        : 'compress makes the command read compressed pixels, and no instances are delivered';
    findings.push({ path: ['dataPart', 'steps', names.indexOf('compress')], message, hint: 'remove it' });
  }
  if (placement.bandwidth !== undefined && deliversInstances(manifest) && !deliversResults(manifest)) {
    const hint = 'promise it of results, or see what a run reaches: app run';
    findings.push({ path: ['dataPart', 'placement', 'bandwidth'], message: 'only instances are delivered', hint });
  }
  return findings;
}
