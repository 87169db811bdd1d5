/**
 * A split application as a CORDS manifest: the half in the cloud as a node that a broker can provide, all else in an
 * element of our own namespace, so that nothing is lost on the way back. Pure.
 */
import { GatewayError } from '../../../base/errors.ts';
import type { Application, CloudPart } from '../../application.ts';
import { manifestSection, yamlText } from '../manifestYaml.ts';
import { type CordsElement, extensionNamespace, manifestNamespace, writeCordsDocument } from './cordsDocument.ts';
import { formatCordsSize } from './cordsSizes.ts';

const element = (
  name: string,
  attributes: Record<string, string> = {},
  children: CordsElement[] = [],
  text = '',
): CordsElement => ({ name, attributes, children, text });

/** What the elements of the half in the cloud are called. */
export const cloudName = (name: string): string => `${name}:cloud`;

function infrastructureElement(name: string, { infrastructure }: CloudPart): CordsElement {
  const { cores, memory, storage, architecture, network } = infrastructure;
  const named = { name: cloudName(name) };
  const ports = (network?.ports ?? []).map(({ protocol, from, to = from }, index) =>
    element('port', { name: `port${index + 1}`, protocol, from: String(from), to: String(to) }),
  );
  const compute = {
    ...named,
    architecture: architecture ?? 'any',
    cores: String(cores),
    memory: formatCordsSize(memory),
  };
  const label = { ...(network?.label && { label: network.label }), ...(network?.vlan && { vlan: network.vlan }) };
  return element('infrastructure', named, [
    element('compute', compute),
    element('storage', { ...named, size: formatCordsSize(storage) }),
    ...(network === undefined ? [] : [element('network', { ...named, ...label }, ports)]),
  ]);
}

/** CORDS places by conditions; that results come over a link, and how large they are, it cannot say. */
function placementElement({ name, promisedRatio }: Application): CordsElement {
  const variable = (property: string, condition: string, value: string) =>
    element('split:variable', { property, condition, value });
  return element('split:placement', { name: cloudName(name) }, [
    variable('occi.placement.algorithm', 'eq', 'bandwidth'),
    ...(promisedRatio === undefined
      ? []
      : [variable('split.results.percent', 'ls', String(Number((promisedRatio * 100).toFixed(3))))]),
  ]);
}

/** Errors: `cords.no-cloud-part`, `cords.unwritable`. */
export function exportCords(application: Application): string {
  const { name, version, description, cloudPart } = application;
  if (cloudPart === undefined) {
    throw new GatewayError('has no cloudPart: there is nothing that a broker could provide', {
      code: 'cords.no-cloud-part',
      operation: 'export application',
      subject: `${name}@${version}`,
      hint: 'add cloudPart with an image to its manifest',
    });
  }
  const node = element(
    'node',
    { name: cloudName(name), type: 'simple', access: 'public', scope: 'normal', provider: 'any' },
    [
      infrastructureElement(name, cloudPart),
      element('image', { name: cloudPart.image }, [element('system', { name: 'oci' })]),
    ],
  );
  const { description: _, ...rest } = manifestSection(application);
  const split = element('split:application', { version, endpoint: cloudPart.endpoint }, [], `\n${yamlText(rest)}`);
  const root = element('manifest', { name, xmlns: manifestNamespace, 'xmlns:split': extensionNamespace }, [
    ...(description === '' ? [] : [element('description', {}, [], description)]),
    node,
    element('configuration', { name }),
    element('security', { name }),
    element('account', { name }),
    placementElement(application),
    split,
  ]);
  return writeCordsDocument(root);
}
