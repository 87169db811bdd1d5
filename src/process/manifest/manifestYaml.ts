/** From an Application back to the text of a manifest. What is at its default is left out. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import type { Application, CloudPart, StepSettings } from '../application.ts';
import { formatPromise } from './bandwidthPromise.ts';
import { manifestSchema } from './manifestSchema.ts';

type Section = Record<string, unknown>;

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `8GiB` where that says it exactly, else the number of bytes. */
export function formatExactSize(bytes: number): string | number {
  const units = ['TiB', 'GiB', 'MiB', 'KiB'];
  const at = units.findIndex((_, index) => bytes > 0 && bytes % 1024 ** (4 - index) === 0);
  return at < 0 ? bytes : `${bytes / 1024 ** (4 - at)}${units[at]}`;
}

function formatExactDuration(ms: number): string {
  const [unit, factor] = (
    [
      ['h', 3600e3],
      ['min', 60e3],
      ['s', 1e3],
      ['ms', 1],
    ] as const
  ).find(([, one]) => ms % one === 0) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');

function stepSection({ scannerDown }: Application, settings: StepSettings): unknown {
  const { step, ...rest } = settings;
  if (settings.step === 'select') return { select: settings.where };
  if (settings.step === 'scan') return scannerDown === 'wait' ? 'scan' : { scan: { scannerDown } };
  if (settings.step !== 'deidentify') return Object.keys(rest).length === 0 ? step : { [step]: rest };
  const safePrivate = settings.safePrivate.map(({ creator, group, element }) => ({
    creator,
    element: `(${hex(group, 4)},xx${hex(element, 2)})`,
  }));
  return { deidentify: { ...rest, safePrivate } };
}

/** Without what is empty or says what would be so anyway. */
function withoutDefaults(section: Section, defaults: Section): Section {
  return Object.fromEntries(
    Object.entries(section).flatMap(([key, value]) => {
      const usual = defaults[key];
      if (value === undefined || isDeepStrictEqual(value, usual)) return [];
      if (!isSection(value) || !isSection(usual)) return [[key, value]];
      const rest = withoutDefaults(value, usual);
      return Object.keys(rest).length === 0 ? [] : [[key, rest]];
    }),
  );
}

const plainManifest = { name: 'x', version: '0.0.0' };
const stepDefaults = (name: string): Section => {
  const parsed = manifestSchema.parse({ ...plainManifest, dataPart: { steps: [{ [name]: {} }] } });
  return (parsed.dataPart.steps[0] ?? {}) as Section;
};

function shortStep(section: unknown): unknown {
  if (!isSection(section)) return section;
  const [name = ''] = Object.keys(section);
  const rest = withoutDefaults(section, stepDefaults(name));
  return Object.keys(rest).length === 0 ? name : rest;
}

export function cloudPartSection({ endpoint, image, infrastructure }: CloudPart): Section {
  const { cores, memory, storage, architecture, network } = infrastructure;
  const sizes = { memory: formatExactSize(memory), ...(storage === 0 ? {} : { storage: formatExactSize(storage) }) };
  const rest = { ...(architecture && { architecture }), ...(network && { network }) };
  return { endpoint, image, infrastructure: { cores, ...sizes, ...rest } };
}

/** The sections of a manifest; without `cloudPart`. */
export function manifestSection(application: Application): Section {
  const { name, version, description, scope, select, steps, command, limits, promisedRatio } = application;
  const { memory, wall, output, ...otherLimits } = limits;
  const defaults = manifestSchema.parse(plainManifest);
  const { deliver, termination } = application;
  const parsedLimits = withoutDefaults(limits, defaults.dataPart.limits);
  const written = {
    memory: formatExactSize(memory),
    wall: formatExactDuration(wall),
    output: formatExactSize(output),
    ...otherLimits,
  };
  const shownLimits = Object.fromEntries(Object.entries(written).filter(([key]) => key in parsedLimits));
  const dataPart = {
    ...(steps.length > 0 && { steps: steps.map((step) => shortStep(stepSection(application, step))) }),
    ...(command && { command }),
    ...(Object.keys(shownLimits).length > 0 && { limits: shownLimits }),
    ...(promisedRatio !== undefined && { placement: { bandwidth: formatPromise(promisedRatio) } }),
  };
  return {
    name,
    version,
    ...(description !== '' && { description }),
    scope,
    ...(Object.keys(select).length > 0 && { select }),
    ...(Object.keys(dataPart).length > 0 && { dataPart }),
    deliver,
    termination,
  };
}

export const yamlText = (section: Section): string => stringify(section, { lineWidth: 0 });

export function manifestYaml(application: Application): string {
  const { cloudPart } = application;
  const section = manifestSection(application);
  return yamlText(cloudPart === undefined ? section : { ...section, cloudPart: cloudPartSection(cloudPart) });
}
