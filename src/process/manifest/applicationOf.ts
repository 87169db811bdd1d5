/** From a manifest that the schema has parsed to what the rest of the gateway works with. Pure. */
import type { Application, Selection, StepSettings } from '../application.ts';
import { parsePromise } from './bandwidthPromise.ts';
import type { ParsedManifest } from './manifestSchema.ts';
import { privateElement, tagNamed } from './tagNames.ts';

type ParsedStep = ParsedManifest['dataPart']['steps'][number];

function selectionOf({ tags, ...rest }: ParsedManifest['select']): Selection {
  if (tags === undefined) return rest;
  return { ...rest, tags: tags.map((test) => ({ ...test, tag: tagNamed(test.tag) ?? test.tag })) };
}

function stepOf(step: ParsedStep): StepSettings[] {
  const { select, deidentify, compress, preview, metadata, scan } = step;
  if (select) return [{ step: 'select', where: selectionOf(select) }];
  if (deidentify) {
    const safePrivate = deidentify.safePrivate.flatMap(({ creator, element }) => {
      const found = privateElement(element);
      return found === undefined ? [] : [{ creator, ...found }];
    });
    return [{ step: 'deidentify', ...deidentify, safePrivate }];
  }
  if (compress) return [{ step: 'compress', ...compress }];
  if (preview) return [{ step: 'preview', ...preview }];
  if (metadata) return [{ step: 'metadata' }];
  return scan ? [{ step: 'scan' }] : [];
}

function deliverOf(deliver: ParsedManifest['deliver']): Application['deliver'] {
  if (typeof deliver === 'string') return deliver;
  const [first = 'results'] = deliver;
  return deliver.every((one) => one === first) ? first : 'both';
}

export function applicationOf(manifest: ParsedManifest, files: { directory: string; digest: string }): Application {
  const { name, version, description, scope, select, dataPart, cloudPart, deliver, termination } = manifest;
  const { bandwidth } = dataPart.placement;
  const scan = dataPart.steps.find((step) => step.scan !== undefined)?.scan;
  return {
    name,
    version,
    description,
    ...files,
    scope,
    select: selectionOf(select),
    steps: dataPart.steps.flatMap(stepOf),
    command: dataPart.command,
    limits: dataPart.limits,
    promisedRatio: bandwidth === undefined ? undefined : parsePromise(bandwidth),
    scannerDown: scan?.scannerDown ?? 'wait',
    cloudPart,
    deliver: deliverOf(deliver),
    termination,
  };
}
