/** From the text of an application.yaml to an Application, or to all that is wrong with it. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describeError, GatewayError, systemCode } from '../../base/errors.ts';
import type { Finding, Problem } from '../../base/yaml/problem.ts';
import { findingsOf } from '../../base/yaml/schemaFindings.ts';
import { readYaml } from '../../base/yaml/yamlText.ts';
import type { Application } from '../application.ts';
import { applicationOf } from './applicationOf.ts';
import { commandFindings } from './commandFiles.ts';
import { contentDigest } from './contentDigest.ts';
import { manifestJsonSchema } from './manifestJsonSchema.ts';
import { meaningFindings, secondThoughts } from './manifestMeaning.ts';
import { manifestSchema, type ParsedManifest } from './manifestSchema.ts';
import { normaliseManifest } from './normalise.ts';

/** The file in the folder of an application. */
export const manifestFileName = 'application.yaml';

export type TextResult =
  | {
      ok: true;
      manifest: ParsedManifest;
      /** What is allowed but seldom meant. */
      warnings: Problem[];
      place(finding: Finding): Problem;
    }
  | { ok: false; problems: Problem[] };

export type ManifestResult =
  | { ok: true; application: Application; manifestFile: string; warnings: Problem[]; place(finding: Finding): Problem }
  | { ok: false; problems: Problem[] };

const inOrder = (problems: Problem[]) => problems.sort((a, b) => a.line - b.line || a.column - b.column);

/** Looks at the text alone. `file` stands in problems. */
export function parseManifest(text: string, file: string): TextResult {
  const yaml = readYaml(text, file);
  if (yaml.syntaxProblems.length > 0) return { ok: false, problems: yaml.syntaxProblems };
  if (yaml.value === null || yaml.value === undefined) {
    const hint = 'begin with name: and version:, see docs/split-applications.md';
    return { ok: false, problems: [yaml.place({ path: [], message: 'the file is empty', hint })] };
  }
  const root = normaliseManifest(yaml.value);
  const parsed = manifestSchema.safeParse(root);
  const findings = parsed.success
    ? meaningFindings(parsed.data)
    : findingsOf(manifestJsonSchema(), parsed.error.issues, root);
  if (!parsed.success || findings.length > 0) return { ok: false, problems: inOrder(findings.map(yaml.place)) };
  const warnings = inOrder(secondThoughts(parsed.data).map(yaml.place));
  return { ok: true, manifest: parsed.data, warnings, place: yaml.place };
}

/** A manifest is a page of text. */
const maxManifestBytes = 2 ** 20;

function readText(file: string): { ok: true; text: string } | { ok: false; problems: Problem[] } {
  const fail = (message: string, hint?: string): { ok: false; problems: Problem[] } => ({
    ok: false,
    problems: [{ file, line: 0, column: 0, key: '', message, ...(hint === undefined ? {} : { hint }) }],
  });
  try {
    const text = readFileSync(file);
    return text.length > maxManifestBytes
      ? fail('is too large for a manifest')
      : { ok: true, text: text.toString('utf8') };
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
        return fail('the file does not exist', `name a folder with ${manifestFileName} in it, or that file`);
      case 'EACCES':
        return fail('the file may not be read by this user', 'give the user of the gateway read access');
      case 'EISDIR':
        return fail('is a folder', `name a folder with ${manifestFileName} in it`);
      default:
        return fail(`the file cannot be read: ${describeError(error)}`);
    }
  }
}

export type LoadOptions = { /** Of the gateway, when it is known: no command may name it. */ stateDirectory?: string };

/** Reads an application.yaml and looks at the files that its command needs. Throws nothing. */
export function loadManifest(manifestFile: string, options: LoadOptions = {}): ManifestResult {
  const reading = readText(manifestFile);
  if (!reading.ok) return reading;
  const parsed = parseManifest(reading.text, manifestFile);
  if (!parsed.ok) return parsed;
  const { manifest, place, warnings } = parsed;
  const directory = dirname(resolve(manifestFile));
  const { command } = manifest.dataPart;
  const findings = command === undefined ? [] : commandFindings(command, { folder: directory, ...options });
  if (findings.length > 0) return { ok: false, problems: findings.map(place) };
  try {
    const application = applicationOf(manifest, { directory, digest: contentDigest(directory) });
    return { ok: true, application, manifestFile, warnings, place };
  } catch (error) {
    const hint = error instanceof GatewayError ? error.hint : undefined;
    const message = `its folder cannot be read: ${describeError(error)}`;
    return { ok: false, problems: [place({ path: [], message, hint })] };
  }
}

/** `folder/application.yaml`. */
export const manifestIn = (folder: string): string => join(folder, manifestFileName);
