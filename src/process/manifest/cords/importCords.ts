/**
 * A manifest of ours from a CORDS manifest. One that was exported by us comes back as it was; of another one the half in
 * the cloud is taken over, and the half beside the data is a proposal. What is not taken over is named. Pure.
 */
import { GatewayError } from '../../../base/errors.ts';
import { formatProblem } from '../../../base/yaml/problem.ts';
import { readYaml } from '../../../base/yaml/yamlText.ts';
import { formatExactSize, yamlText } from '../manifestYaml.ts';
import { manifestFileName, parseManifest } from '../parseManifest.ts';
import { type CordsElement, readCordsDocument } from './cordsDocument.ts';
import { CordsReader } from './cordsReader.ts';
import { parseCordsSize } from './cordsSizes.ts';
import { cloudName } from './exportCords.ts';

export type ImportedManifest = {
  name: string;
  version: string;
  /** Text of an application.yaml. What was not taken over stands in comments at its end. */
  text: string;
  /** What was made up or changed, for people. */
  notes: string[];
  /** What was not taken over. */
  left: string[];
};

const refuse = (message: string, hint: string, subject: string) =>
  new GatewayError(message, { code: 'cords.not-a-manifest', operation: 'import CORDS manifest', subject, hint });

/** `accords:publisher` is `accords-publisher`. */
function nameFrom(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return name === '' ? 'imported' : name;
}

class Import {
  readonly reader = new CordsReader();
  readonly root: CordsElement;
  readonly name: string;

  constructor(root: CordsElement) {
    this.root = this.reader.take(root);
    const written = this.reader.attribute(root, 'name');
    this.name = nameFrom(written ?? '');
    if (written !== this.name) this.reader.note(`name: "${this.name}", from "${written ?? ''}"`);
  }

  /** Takes an element whose name says no more than ours would. */
  named(element: CordsElement | undefined): CordsElement | undefined {
    this.reader.take(element);
    this.reader.attribute(element, 'name', [this.name, cloudName(this.name)]);
    return element;
  }

  /** The node that is to be provided: the first that says what it needs or runs. */
  node(): CordsElement | undefined {
    const nodes = this.reader.children(this.root, 'node');
    const node = nodes.find(({ children }) => children.some(({ name }) => name === 'image')) ?? nodes[0];
    if (nodes.length > 1) this.reader.note(`of ${nodes.length} nodes "${node?.attributes.name ?? ''}" is taken`);
    return this.named(node);
  }

  size(element: CordsElement | undefined, name: string): string | number | undefined {
    const written = element?.attributes[name];
    const bytes = written === undefined ? undefined : parseCordsSize(written);
    if (bytes === undefined) return undefined;
    this.reader.attribute(element, name);
    if (written !== undefined && /^[\d.\s]+$/.test(written))
      this.reader.note(`${name}: ${written} is read as gigabytes`);
    return formatExactSize(bytes);
  }

  network(element: CordsElement | undefined): Record<string, unknown> | undefined {
    if (element === undefined) return undefined;
    this.named(element);
    const ports = this.reader.children(element, 'port').flatMap((port, index) => {
      const [from, to] = [port.attributes.from, port.attributes.to].map((text) => Number(text ?? Number.NaN));
      if (from === undefined || !Number.isInteger(from)) return [];
      this.reader.take(port);
      this.reader.attribute(port, 'name', [`port${index + 1}`]);
      this.reader.attribute(port, 'from');
      const protocol = this.reader.attribute(port, 'protocol', ['tcp', 'udp']);
      const last = to !== undefined && Number.isInteger(to) ? to : from;
      if (last === to) this.reader.attribute(port, 'to');
      const known = protocol === 'tcp' || protocol === 'udp' ? { protocol } : {};
      return [{ ...known, from, ...(last === from ? {} : { to: last }) }];
    });
    const label = this.reader.attribute(element, 'label');
    const vlan = this.reader.attribute(element, 'vlan');
    return { ...(label && { label }), ...(vlan && { vlan }), ...(ports.length > 0 && { ports }) };
  }

  infrastructure(element: CordsElement | undefined): Record<string, unknown> {
    this.named(element);
    const compute = this.named(this.reader.child(element, 'compute'));
    const storage = this.named(this.reader.child(element, 'storage'));
    const network = this.network(this.reader.child(element, 'network'));
    const cores = Number(compute?.attributes.cores ?? Number.NaN);
    if (Number.isInteger(cores)) this.reader.attribute(compute, 'cores');
    const architecture = this.reader.attribute(compute, 'architecture');
    const memory = this.size(compute, 'memory');
    const size = this.size(storage, 'size');
    return {
      ...(Number.isInteger(cores) && { cores }),
      ...(memory !== undefined && { memory }),
      ...(size !== undefined && size !== 0 && { storage: size }),
      ...(architecture !== undefined && architecture !== 'any' && { architecture }),
      ...(network !== undefined && { network }),
    };
  }

  cloudPart(split: CordsElement | undefined): Record<string, unknown> | undefined {
    const node = this.node();
    if (node === undefined) return undefined;
    for (const [name, usual] of Object.entries({
      type: 'simple',
      access: 'public',
      scope: 'normal',
      provider: 'any',
    })) {
      this.reader.attribute(node, name, [usual]);
    }
    const infrastructure = this.infrastructure(this.reader.child(node, 'infrastructure'));
    const image = this.reader.take(this.reader.child(node, 'image'));
    this.reader.attribute(this.reader.take(this.reader.child(image, 'system')), 'name', ['oci']);
    const reference = this.reader.attribute(image, 'name');
    if (reference === undefined) {
      this.reader.note('the node has no image: there is no cloudPart');
      return undefined;
    }
    const endpoint = this.reader.attribute(split, 'endpoint') ?? 'zone';
    return { endpoint, image: reference, infrastructure };
  }

  /** What our own export says beside; a proposal where there is nothing. */
  rest(split: CordsElement | undefined, file: string): Record<string, unknown> {
    if (split === undefined) {
      this.reader.note('version: 1.0.0, as CORDS has none');
      this.reader.note('dataPart: deidentify, and instances are delivered: say what runs beside the data');
      return {
        version: '1.0.0',
        scope: 'study',
        dataPart: { steps: ['deidentify'] },
        deliver: 'instances',
      };
    }
    this.reader.attribute(split, 'version');
    const yaml = readYaml(this.reader.text(split), file);
    const [problem] = yaml.syntaxProblems;
    if (problem !== undefined || typeof yaml.value !== 'object' || yaml.value === null) {
      throw refuse('its <application> holds no YAML', 'export it again: app export NAME', file);
    }
    return yaml.value as Record<string, unknown>;
  }
}

function takePlacement({ reader, root }: Import): void {
  const placement = reader.child(root, 'placement');
  if (placement === undefined) return;
  const variables = reader.children(placement, 'variable');
  const ours = ['occi.placement.algorithm', 'split.results.percent'];
  if (variables.length === 0 || !variables.every(({ attributes }) => ours.includes(attributes.property ?? ''))) return;
  for (const one of [placement, ...variables]) {
    reader.take(one);
    for (const name of Object.keys(one.attributes)) reader.attribute(one, name);
  }
}

/** In a comment, nothing may end the line. */
const comment = (text: string) => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

/** Errors: `cords.unreadable`, `cords.not-a-manifest`, `cords.not-sound`. */
export function importCords(bytes: Buffer, file: string): ImportedManifest {
  const root = readCordsDocument(bytes, file);
  if (root.name !== 'manifest') {
    const hint =
      root.name === 'agreement' ? 'this is an agreement: take the manifest that it names' : 'its root is <manifest>';
    throw refuse(`is no CORDS manifest but <${root.name}>`, hint, file);
  }
  const work = new Import(root);
  const { reader, name } = work;
  const split = reader.take(reader.child(root, 'application'));
  const description = reader.child(root, 'description');
  const cloudPart = work.cloudPart(split);
  const { name: _, ...rest } = work.rest(split, file);
  if (split) takePlacement(work);
  for (const usual of ['configuration', 'security', 'account']) {
    const one = reader.child(root, usual);
    if (one !== undefined && one.attributes.name === name) work.named(one);
  }
  const said = description === undefined ? '' : reader.text(reader.take(description));
  const section = { name, ...(said !== '' && { description: said }), ...rest, ...(cloudPart && { cloudPart }) };
  const left = reader.leftovers(root);
  const notTaken = left.length === 0 ? '' : `# Not taken over from the CORDS manifest:\n`;
  const text = yamlText(section) + notTaken + left.map((one) => `#   ${comment(one)}\n`).join('');
  const result = parseManifest(text, manifestFileName);
  if (result.ok) return { name, version: result.manifest.version, text, notes: reader.notes, left };
  throw new GatewayError(`what it says makes no sound manifest:\n${result.problems.map(formatProblem).join('\n')}`, {
    code: 'cords.not-sound',
    operation: 'import CORDS manifest',
    subject: file,
    hint: 'mend these in the XML',
  });
}
