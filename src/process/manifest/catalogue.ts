/** All split applications below one folder, each in a folder of its own: `<any>/application.yaml`. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, systemCode } from '../../base/errors.ts';
import { didYouMean } from '../../base/yaml/closest.ts';
import type { Problem } from '../../base/yaml/problem.ts';
import type { Application } from '../application.ts';
import { type LoadOptions, loadManifest, type ManifestResult, manifestIn } from './parseManifest.ts';
import { compareVersions } from './semanticVersion.ts';

export type FoundApplication = { application: Application; manifestFile: string; warnings: readonly Problem[] };

type Loaded = Extract<ManifestResult, { ok: true }>;

export type ApplicationCatalogue = {
  /** By name, newest version first. */
  readonly applications: readonly Application[];
  readonly found: readonly FoundApplication[];
  /** Of manifests that are left out; they disable nothing but themselves. */
  readonly problems: readonly Problem[];
  /** Of `name` the highest version, of `name@1.2.0` that one. */
  find(reference: string): Application | undefined;
  /** Why there is no such one, for people; to be called when `find` has found nothing. */
  explain(reference: string): { message: string; hint: string };
};

export function catalogueOf(
  found: readonly FoundApplication[],
  problems: readonly Problem[] = [],
): ApplicationCatalogue {
  const sorted = [...found].sort(({ application: a }, { application: b }) =>
    a.name === b.name ? compareVersions(b.version, a.version) : a.name < b.name ? -1 : 1,
  );
  const applications = sorted.map(({ application }) => application);
  const find = (reference: string) => {
    const [name, version] = reference.split('@');
    return applications.find((one) => one.name === name && (version === undefined || one.version === version));
  };
  const explain = (reference: string) => {
    const [name = ''] = reference.split('@');
    const versions = applications.filter((one) => one.name === name).map(({ version }) => version);
    const broken = problems.length === 0 ? '' : '; or see what is wrong with those that could not be read: app list';
    if (versions.length > 0) {
      return {
        message: `there is no application "${reference}"`,
        hint: `there is version ${versions.join(', ')}${broken}`,
      };
    }
    const names = [...new Set(applications.map((one) => one.name))];
    return {
      message: `there is no application "${reference}"`,
      hint: didYouMean(name, names, 'applications') + broken,
    };
  };
  return { applications, found: sorted, problems, find, explain };
}

/** The same name and version twice: which one a route means would depend on the names of folders. */
function splitDoubles(loaded: readonly Loaded[]): { kept: Loaded[]; problems: Problem[] } {
  const first = new Map<string, Loaded>();
  const problems: Problem[] = [];
  for (const one of loaded) {
    const identity = `${one.application.name}@${one.application.version}`;
    const earlier = first.get(identity);
    if (earlier === undefined) first.set(identity, one);
    else {
      const message = `${identity} is in ${earlier.manifestFile} already`;
      problems.push(one.place({ path: ['version'], message, hint: 'give it a version of its own' }));
    }
  }
  return { kept: [...first.values()], problems };
}

/** Throws nothing: what cannot be read is among the problems. Hidden folders, and those without a manifest, are passed over. */
export function loadApplications(directory: string, options: LoadOptions = {}): ApplicationCatalogue {
  let folders: string[];
  try {
    folders = readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT';
    const message = missing ? 'the folder does not exist' : `the folder cannot be read: ${describeError(error)}`;
    const hint = 'mend applications.directory, or make the folder';
    return catalogueOf([], [{ file: directory, line: 0, column: 0, key: '', message, hint }]);
  }
  const problems: Problem[] = [];
  const loaded: Loaded[] = [];
  for (const name of folders) {
    const manifestFile = manifestIn(join(directory, name));
    if (!existsSync(manifestFile)) continue;
    const result = loadManifest(manifestFile, options);
    if (result.ok) loaded.push(result);
    else problems.push(...result.problems);
  }
  const { kept, problems: doubles } = splitDoubles(loaded);
  return catalogueOf(kept, [...problems, ...doubles]);
}
