/** From the text of a configuration file to the frozen value that the gateway is built from, or to all that is wrong. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describeError, systemCode } from '../../base/errors.ts';
import type { Finding, Problem } from '../../base/yaml/problem.ts';
import { findingsOf } from '../../base/yaml/schemaFindings.ts';
import { readYaml } from '../../base/yaml/yamlText.ts';
import type { StoreConfiguration } from '../../delivery/store/objectStore.ts';
import { type ResolvedPeer, resolvePeers, resolveStores, tlsFindings } from './files.ts';
import { configurationJsonSchema } from './jsonSchema.ts';
import { meaningFindings } from './meaning.ts';
import { type PartialConfiguration, soundParts } from './partial.ts';
import { absolutePaths } from './paths.ts';
import { configurationSchema, type ParsedConfiguration } from './schema.ts';

type DeepReadonly<T> = T extends (infer Entry)[]
  ? ReadonlyArray<DeepReadonly<Entry>>
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/**
 * What the gateway is built from: sizes in bytes, durations in milliseconds (`study.quietSeconds` in seconds), paths
 * absolute, secrets in place, everything frozen.
 */
export type Configuration = DeepReadonly<Omit<ParsedConfiguration, 'stores' | 'peers'>> & {
  readonly stores: ReadonlyArray<Readonly<StoreConfiguration>>;
  readonly peers: ReadonlyArray<DeepReadonly<ResolvedPeer>>;
};
export type ListenerConfiguration = Configuration['listeners'][number];
export type PeerConfiguration = Configuration['peers'][number];
export type RouteConfiguration = Configuration['routes'][number];
export type LimitsConfiguration = Configuration['limits'];

export type ParseResult =
  | {
      ok: true;
      /** Secrets are still references: nothing but the text was looked at. */
      config: DeepReadonly<ParsedConfiguration>;
      place(finding: Finding): Problem;
    }
  | { ok: false; problems: Problem[] };

export type LoadResult = { ok: true; config: Configuration } | { ok: false; problems: Problem[] };

function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value as DeepReadonly<T>;
}

function inOrder(problems: Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .filter((problem) => {
      const identity = `${problem.line}:${problem.key}:${problem.message}`;
      return seen.has(identity) ? false : seen.add(identity);
    });
}

type Analysis = {
  problems: Problem[];
  /** The whole, when it fits the schema. */
  parsed: ParsedConfiguration | undefined;
  /** What is right of it in any case. */
  sound: PartialConfiguration;
  place(finding: Finding): Problem;
};

function analyse(text: string, file: string): Analysis {
  const yaml = readYaml(text, file);
  const { place } = yaml;
  if (yaml.syntaxProblems.length > 0) return { problems: yaml.syntaxProblems, parsed: undefined, sound: {}, place };
  if (yaml.value === null || yaml.value === undefined) {
    const problem = place({ path: [], message: 'the file is empty', hint: 'start from config/gateway.example.yaml' });
    return { problems: [problem], parsed: undefined, sound: {}, place };
  }
  const folder = dirname(resolve(file));
  const parsed = configurationSchema.safeParse(yaml.value);
  const findings = [
    ...(parsed.success ? [] : findingsOf(configurationJsonSchema(), parsed.error.issues, yaml.value)),
    ...meaningFindings(yaml.value, folder),
  ];
  const sound = parsed.success ? parsed.data : soundParts(yaml.value);
  return {
    problems: findings.map(place),
    parsed: parsed.success ? absolutePaths(parsed.data, folder) : undefined,
    sound: absolutePaths(sound, folder),
    place,
  };
}

function resultOf({ problems, parsed, place }: Analysis): ParseResult {
  if (parsed && problems.length === 0) return { ok: true, config: deepFreeze(parsed), place };
  return { ok: false, problems: inOrder(problems) };
}

/**
 * Parses and checks a configuration without looking at anything but its text. `file` is its path: it stands in
 * problems, and relative paths start at its folder. All problems come at once, in the order of the text.
 */
export function parseConfiguration(text: string, options: { file: string }): ParseResult {
  return resultOf(analyse(text, options.file));
}

function unreadable(file: string, error: unknown): Problem {
  const base = { file, line: 0, column: 0, key: '' };
  switch (systemCode(error)) {
    case 'ENOENT':
      return { ...base, message: 'the file does not exist', hint: 'name the configuration with --config FILE' };
    case 'EACCES':
      return { ...base, message: 'the file may not be read by this user' };
    default:
      return { ...base, message: `the file cannot be read: ${describeError(error)}` };
  }
}

type Reading = { ok: true; text: string } | { ok: false; problems: Problem[] };

function readText(path: string): Reading {
  try {
    return { ok: true, text: readFileSync(path, 'utf8') };
  } catch (error) {
    return { ok: false, problems: [unreadable(path, error)] };
  }
}

/** Reads and parses a configuration, without the files and secrets that it names. Throws nothing. */
export function readConfiguration(path: string): ParseResult {
  const reading = readText(path);
  return reading.ok ? parseConfiguration(reading.text, { file: path }) : reading;
}

/** `stateDirectory` of a file in which other things may be wrong; undefined when that cannot be known. */
export function soundStateDirectory(path: string): string | undefined {
  const reading = readText(path);
  return reading.ok ? analyse(reading.text, path).sound.stateDirectory : undefined;
}

/**
 * Reads a configuration file and what it names: TLS files are parsed and compared, secrets are fetched. Throws nothing:
 * whatever is wrong is a problem with its place, its key and, mostly, what mends it.
 */
export function loadConfiguration(path: string, environment: NodeJS.ProcessEnv = process.env): LoadResult {
  const reading = readText(path);
  if (!reading.ok) return reading;
  const analysis = analyse(reading.text, path);
  const { sound, parsed, place } = analysis;
  const { stores, findings } = resolveStores(sound.stores ?? [], environment);
  findings.push(...tlsFindings(sound.listeners ?? [], environment));
  const { peers, findings: peerFindings } = resolvePeers(sound.peers ?? [], environment);
  findings.push(...peerFindings);
  const problems = [...analysis.problems, ...findings.map(place)];
  if (!parsed || problems.length > 0) return { ok: false, problems: inOrder(problems) };
  return { ok: true, config: deepFreeze({ ...parsed, stores, peers }) as Configuration };
}
