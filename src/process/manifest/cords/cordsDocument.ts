/** XML of the CORDS kind as a tree, read leniently and written strictly. Pure. */
import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser';
import { GatewayError } from '../../../base/errors.ts';

export const manifestNamespace = 'http://www.compatibleone.fr/schemes/manifest.xsd';
/** What CORDS has no word for. A broker that does not know it passes it over. */
export const extensionNamespace = 'urn:medusa-edge-gateway:split-application:1';

export type CordsElement = {
  /** Without a prefix. */
  name: string;
  attributes: Record<string, string>;
  children: CordsElement[];
  text: string;
};

const maxDocumentBytes = 2 ** 20;

const refuse = (message: string, hint: string, subject: string) =>
  new GatewayError(message, { code: 'cords.unreadable', operation: 'read CORDS manifest', subject, hint });

/** The declaration names the encoding; many name it wrongly as `UTF8`. */
function decode(bytes: Buffer, file: string): string {
  const label = /^\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.:-]+)["']/.exec(
    bytes.subarray(0, 200).toString('latin1'),
  )?.[1];
  try {
    return new TextDecoder(label ?? 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse(`is not text in ${label ?? 'utf-8'}`, 'save it as UTF-8', file);
  }
}

/** ACCORDS itself writes `scope=normal`: values without quotes are given them. */
function withQuotes(text: string): string {
  return text.replace(/<[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>/g, (tag) =>
    tag.replace(/"[^"]*"|'[^']*'|=\s*([^\s"'>]+?)(?=\s|\/?>)/g, (match, bare?: string) =>
      bare === undefined ? match : `="${bare}"`,
    ),
  );
}

type Node = Record<string, unknown> & { ':@'?: Record<string, string> };

function elementsOf(nodes: readonly Node[]): CordsElement[] {
  return nodes.flatMap((node): CordsElement[] => {
    const [tag] = Object.keys(node).filter((key) => key !== ':@');
    if (tag === undefined || tag === '#text' || tag.startsWith('?')) return [];
    const inner = node[tag] as Node[];
    const text = inner.map((one) => ('#text' in one ? String(one['#text']) : '')).join('');
    const attributes = Object.fromEntries(
      Object.entries(node[':@'] ?? {}).filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:')),
    );
    return [{ name: tag.replace(/^.*:/, ''), attributes, children: elementsOf(inner), text }];
  });
}

/** Throws GatewayError `cords.unreadable`; a document type with its entities is refused unread. */
export function readCordsDocument(bytes: Buffer, file: string): CordsElement {
  if (bytes.length > maxDocumentBytes) throw refuse('is too large for a manifest', 'a manifest is a page of XML', file);
  const text = withQuotes(decode(bytes, file));
  if (/<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST)/i.test(text)) {
    throw refuse('has a document type, which is not read', 'remove <!DOCTYPE …> and its entities', file);
  }
  const valid = XMLValidator.validate(text);
  if (valid !== true) {
    throw refuse(`line ${valid.err.line}, column ${valid.err.col}: ${valid.err.msg}`, 'mend the XML', file);
  }
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    trimValues: false,
    htmlEntities: true,
    ignoreDeclaration: true,
    ignorePiTags: true,
    maxNestedTags: 50,
  });
  try {
    const [root] = elementsOf(parser.parse(text) as Node[]);
    if (root) return root;
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : 'is no XML', 'mend the XML', file);
  }
  throw refuse('is empty', 'name the XML file of a CORDS manifest', file);
}

/** The characters of XML 1.0, section 2.2. */
const notInXml = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

function nodesOf({ name, attributes, children, text }: CordsElement): Node {
  for (const value of [text, ...Object.values(attributes)]) {
    if (!notInXml.test(value)) continue;
    throw new GatewayError('holds a character that XML cannot have', {
      code: 'cords.unwritable',
      operation: 'write CORDS manifest',
      subject: name,
      hint: 'remove control characters from the manifest',
    });
  }
  const inner: Node[] = [...(text === '' ? [] : [{ '#text': text } as Node]), ...children.map(nodesOf)];
  return { [name]: inner, ...(Object.keys(attributes).length > 0 && { ':@': attributes }) } as Node;
}

/** `root` with its prefixes in place. */
export function writeCordsDocument(root: CordsElement): string {
  const builder = new XMLBuilder({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    format: true,
    indentBy: '  ',
    suppressEmptyNode: true,
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build([nodesOf(root)]).trim()}\n`;
}
