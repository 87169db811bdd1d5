/**
 * The one place that says which keys a manifest (application.yaml) has, what each means and its default. The JSON schema
 * for editors and the tables of the guide are made from it. Sizes become bytes, durations become milliseconds.
 */
import { z } from 'zod';
import { closest } from '../../base/yaml/closest.ts';
import { duration, name, size } from '../../base/yaml/fields.ts';
import { modality, uid } from '../../dicom/schemaFields.ts';
import { parsePromise, promiseHint } from './bandwidthPromise.ts';
import { isSemanticVersion } from './semanticVersion.ts';
import { knownKeywords, privateElement, tagNamed } from './tagNames.ts';

const MiB = 2 ** 20;
const about = (description: string) => ({ description });
const text = (max: number) => z.string().min(1).max(max);

const tag = () =>
  z
    .string()
    .refine((written) => tagNamed(written) !== undefined, {
      error: ({ input }) => `is not an attribute${suggestion(String(input))}`,
    })
    .meta({ 'x-hint': 'write a keyword of PS3.6 such as SeriesDescription, or eight hexadecimal digits in quotes' });

function suggestion(written: string): string {
  const name = /^[A-Za-z]{4,64}$/.test(written) ? closest(written, knownKeywords()) : undefined;
  return name === undefined ? '' : `: did you mean ${name}?`;
}

const tagTest = z.strictObject({
  tag: tag().meta(about('Attribute: its keyword (SeriesDescription) or its tag ("0008103E").')),
  equals: text(1024).exactOptional().meta(about('One of its values is this, without regard to case or padding.')),
  contains: text(1024).exactOptional().meta(about('One of its values contains this, without regard to case.')),
  matches: text(1024)
    .exactOptional()
    .meta({ ...about('One of its values fits this regular expression, without regard to case.') }),
  present: z.boolean().exactOptional().meta(about('true: it is there and not empty. false: it is not.')),
  min: z.number().exactOptional().meta(about('Its first value, as a number, is at least this.')),
  max: z.number().exactOptional().meta(about('Its first value, as a number, is at most this.')),
});

const instanceSelection = {
  modality: z.array(modality()).min(1).exactOptional().meta(about('Modalities (0008,0060).')),
  sopClass: z.array(uid()).min(1).exactOptional().meta(about('SOP Class UIDs.')),
  tags: z.array(tagTest).min(1).exactOptional().meta(about('Tests of attributes; all have to hold.')),
};

const selection = z.strictObject({
  ...instanceSelection,
  minInstances: z
    .int()
    .min(1)
    .exactOptional()
    .meta(about('A study or series with fewer instances that fit is skipped.')),
  maxInstances: z
    .int()
    .min(1)
    .exactOptional()
    .meta(about('A study or series with more instances that fit is skipped.')),
});

const pixels = () => z.int().min(0).max(65535);

const burnedInRule = z.strictObject({
  match: z
    .strictObject({
      modality: modality().exactOptional().meta(about('Modality (0008,0060).')),
      sopClass: uid().exactOptional().meta(about('SOP Class UID.')),
      manufacturer: text(64).exactOptional().meta(about('How Manufacturer (0008,0070) begins, in any case.')),
      model: text(64).exactOptional().meta(about("How Manufacturer's Model Name (0008,1090) begins, in any case.")),
      rows: pixels().exactOptional().meta(about('Rows (0028,0010).')),
      columns: pixels().exactOptional().meta(about('Columns (0028,0011).')),
    })
    .meta(about('Images that the rule is for; all that is said has to fit.')),
  regions: z
    .array(
      z.strictObject({
        x: pixels().meta(about('First column, from 0.')),
        y: pixels().meta(about('First row, from 0.')),
        width: pixels().min(1).meta(about('Columns.')),
        height: pixels().min(1).meta(about('Rows.')),
      }),
    )
    .meta(about('Pixels to blank. An empty list: such images are known to have no text in them.')),
});

const safePrivateRule = z.strictObject({
  creator: text(64).meta(about('Private creator.')),
  element: z
    .string()
    .refine((written) => privateElement(written) !== undefined, 'is not a private element')
    .meta({ ...about('The element, as "(0019,xx0C)".'), 'x-hint': 'write it as "(0019,xx0C)", with an odd group' }),
});

const deidentifyOptions = [
  'retainUids',
  'retainDeviceIdentity',
  'retainInstitutionIdentity',
  'retainPatientCharacteristics',
  'retainFullDates',
  'retainModifiedDates',
  'cleanDescriptors',
  'cleanGraphics',
  'cleanStructuredContent',
  'retainSafePrivate',
  'cleanPixelData',
] as const;

const step = z.strictObject({
  select: z.strictObject(instanceSelection).exactOptional().meta(about('Instances that do not fit go no further.')),
  deidentify: z
    .strictObject({
      profile: z.literal('basic').default('basic').meta(about('Basic Application Level Confidentiality Profile.')),
      options: z
        .array(z.enum(deidentifyOptions))
        .default([])
        .meta(about('Options of PS3.15 annex E that apply beside it.')),
      burnedIn: z.array(burnedInRule).default([]).meta(about('Where images have text in their pixels.')),
      safePrivate: z
        .array(safePrivateRule)
        .default([])
        .meta(about("Private elements that are safe, beyond the standard's own table.")),
    })
    .exactOptional()
    .meta(about('De-identification by PS3.15 annex E.')),
  compress: z
    .strictObject({
      transferSyntax: z
        .enum(['htj2k-lossless', 'jpeg-ls-lossless'])
        .default('htj2k-lossless')
        .meta(about('What to compress to.')),
      recompress: z.boolean().default(false).meta(about('true: what is compressed already, too, where that pays.')),
    })
    .exactOptional()
    .meta(about('Lossless compression, verified by decoding. It has to be the last step.')),
  preview: z
    .strictObject({
      format: z.enum(['png', 'jpeg']).default('png').meta(about('Format of the pictures.')),
      maxEdge: z.int().min(16).max(8192).default(512).meta(about('Longer edge of a picture, at most, in pixels.')),
      frames: z.enum(['middle', 'all', 'first']).default('middle').meta(about('Which frames of an instance.')),
    })
    .exactOptional()
    .meta(about('Pictures for the eye, as results.')),
  metadata: z
    .strictObject({})
    .exactOptional()
    .meta(about('The DICOM JSON of each instance, without pixels, as a result.')),
  scan: z
    .strictObject({
      scannerDown: z
        .enum(['wait', 'pass'])
        .default('wait')
        .meta(about('When the scanner does not answer. wait: until it does. pass: go on; the receipt says so.')),
    })
    .exactOptional()
    .meta(about('Malware scan of instances and of documents in them.')),
});
export const stepNames = Object.keys(step.shape) as Array<keyof typeof step.shape>;

const limits = z.strictObject({
  memory: size({ min: 16 * MiB, max: 2 ** 40 })
    .prefault('2GiB')
    .meta(about('Memory of the command and all it starts.')),
  cpu: z.number().min(0.1).max(256).default(1).meta(about('Processor cores.')),
  wall: duration({ min: 1000, max: 24 * 3600e3 })
    .prefault('10min')
    .meta(about('Time, by the clock; then it is killed.')),
  output: size({ min: 1, max: 2 ** 40 })
    .prefault('50MiB')
    .meta(about('Bytes that it may write in all.')),
  processes: z.int().min(1).max(4096).default(64).meta(about('Processes and threads at the same time.')),
});

const dataPart = z.strictObject({
  steps: z
    .array(step)
    .default([])
    .meta(about('Built-in steps, in this order. A step without settings is just its name.')),
  command: z
    .array(z.string().min(1).max(4096))
    .min(1)
    .max(64)
    .exactOptional()
    .meta({
      ...about('Your program and its arguments; it runs in the sandbox, in a copy of nothing but its input.'),
      'x-hint': 'write a list such as [./analyse] or [python3, analyse.py], with files beside the manifest',
    }),
  image: z
    .any()
    .refine((value) => value === null, 'OCI images are not supported yet')
    .exactOptional()
    .meta({
      ...about('Reserved for an OCI image; null, or left out.'),
      'x-hint': 'put the program beside the manifest and name it with command',
    }),
  limits: limits.prefault({}).meta(about('What the command may use.')),
  placement: z
    .strictObject({
      bandwidth: z
        .string()
        .refine((written) => parsePromise(written) !== undefined, 'is not a promise')
        .exactOptional()
        .meta({ ...about('"results must be < 5 % of input": measured and reported.'), 'x-hint': promiseHint }),
    })
    .prefault({})
    .meta(about('What it promises of the link.')),
});

const portNumber = () => z.int().min(1).max(65535);

const infrastructure = z.strictObject({
  cores: z.int().min(1).max(4096).default(1).meta(about('Processor cores.')),
  memory: size({ min: MiB }).prefault('1GiB').meta(about('Memory.')),
  storage: size().prefault(0).meta(about('Disk; 0: none beside the image.')),
  architecture: text(32).exactOptional().meta(about('Processor, as amd64 or arm64. Left out: any.')),
  network: z
    .strictObject({
      label: text(64).exactOptional().meta(about('Name of the network.')),
      vlan: text(32).exactOptional().meta(about('VLAN, as the broker of the zone writes it.')),
      ports: z
        .array(
          z.strictObject({
            protocol: z.enum(['tcp', 'udp']).default('tcp').meta(about('tcp or udp.')),
            from: portNumber().meta(about('First port.')),
            to: portNumber().exactOptional().meta(about('Last port. Left out: the first alone.')),
          }),
        )
        .default([])
        .meta(about('Ports that have to be open.')),
    })
    .exactOptional()
    .meta(about('How it is reached.')),
});

const cloudPart = z.strictObject({
  endpoint: text(255).default('zone').meta(about('zone: wherever placement puts it. Else its URL.')),
  image: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}$/, 'is not an image reference')
    .meta({ ...about('Image that runs there.'), 'x-hint': 'write a reference such as registry.example.org/app:1.2.0' }),
  infrastructure: infrastructure.prefault({}).meta(about('What it needs there.')),
});

export const manifestSchema = z
  .strictObject({
    name: name().meta(about('Name of the application. It becomes part of the keys of results: choose it once.')),
    version: z
      .string()
      .refine(isSemanticVersion, 'is not a version')
      .meta({
        ...about('Semantic version. Whatever is changed in the folder gets a new one.'),
        'x-hint': 'write major.minor.patch in quotes, such as "1.2.0" or "2.0.0-rc.1"; no build metadata',
      }),
    description: z.string().max(500).default('').meta(about('What it is for, in one sentence.')),
    scope: z.enum(['instance', 'series', 'study']).default('study').meta(about('What one run works on.')),
    select: selection.prefault({}).meta(about('Which instances it wants; the others of a study are left out.')),
    dataPart: dataPart.prefault({}).meta(about('The half that runs here, beside the data.')),
    cloudPart: cloudPart.exactOptional().meta(about('The half that runs in the cloud and reads the results.')),
    deliver: z
      .union([z.enum(['results', 'instances', 'both']), z.array(z.enum(['results', 'instances'])).min(1)], {
        error: 'has to be results, instances or both',
      })
      .default('results')
      .meta(about('results: what steps and command made. instances: the instances after the steps. Or both.')),
    termination: z
      .strictObject({
        onFailure: z.literal('quarantine').default('quarantine').meta(about('A run that fails is kept for a look.')),
        onInstanceFailure: z
          .enum(['continue', 'quarantine'])
          .default('continue')
          .meta(about('One instance that a step refuses. continue: without it. quarantine: the whole run.')),
      })
      .prefault({})
      .meta(about('What a failure means.')),
  })
  .meta({ title: 'Manifest of a split application' });

/** As parsed: sizes in bytes, durations in milliseconds. */
export type ParsedManifest = z.output<typeof manifestSchema>;
