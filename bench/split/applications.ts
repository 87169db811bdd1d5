/** The applications that the bench runs: those with built-in steps alone are written here, the others come along in config/apps. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Application } from '../../src/process/application.ts';
import { loadManifest } from '../../src/process/manifest/parseManifest.ts';
import type { StudyKind } from './studies.ts';

/** Ultrasound has text in its pixels; here it is said where. */
const burnedIn = [{ match: { modality: 'US' }, regions: [{ x: 0, y: 0, width: 640, height: 24 }] }];
const deidentify = { deidentify: { options: ['retainModifiedDates'], burnedIn } };
const compress = (transferSyntax: string) => ({ compress: { transferSyntax } });

type BuiltIn = { steps: unknown[]; deliver: 'instances' | 'results' };
export const builtIn: Record<string, BuiltIn> = {
  'deidentify-instances': { steps: [deidentify], deliver: 'instances' },
  'deidentify-htj2k': { steps: [deidentify, compress('htj2k-lossless')], deliver: 'instances' },
  'deidentify-jpeg-ls': { steps: [deidentify, compress('jpeg-ls-lossless')], deliver: 'instances' },
  'deidentify-previews': { steps: [deidentify, { preview: { maxEdge: 512 } }, 'metadata'], deliver: 'results' },
};
const foreign = ['ct-quantification', 'lung-segmentation'];

/** What is run over a study of this kind, in this order. */
export const namesFor = (kind: StudyKind): string[] =>
  kind === 'CT' ? [...foreign, ...Object.keys(builtIn)] : Object.keys(builtIn);

/** Writes a manifest of built-in steps as a folder below `parent`, as a user would; returns the folder. */
export function writeApplication(parent: string, name: string): string {
  const { steps, deliver } = builtIn[name] ?? { steps: [], deliver: 'instances' as const };
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  const head = { name, version: '1.0.0', description: 'Of the bench', scope: 'study', select: {} };
  writeFileSync(join(folder, 'application.yaml'), stringify({ ...head, dataPart: { steps }, deliver }));
  return folder;
}

/** Throws Error when its manifest is not sound. */
export function loadApplication(parent: string, name: string): Application {
  const comesAlong = new URL(`../../config/apps/${name}`, import.meta.url).pathname;
  const folder = name in builtIn ? writeApplication(parent, name) : comesAlong;
  const loaded = loadManifest(join(folder, 'application.yaml'));
  if (loaded.ok) return loaded.application;
  throw new Error(loaded.problems.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('; '));
}
