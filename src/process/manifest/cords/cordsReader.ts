/** Reads a tree and keeps account of what of it has been taken, so that the rest can be named. Pure. */
import type { CordsElement } from './cordsDocument.ts';

export class CordsReader {
  readonly #takenAttributes = new Map<CordsElement, Set<string>>();
  readonly #takenText = new Set<CordsElement>();
  readonly #taken = new Set<CordsElement>();
  readonly notes: string[] = [];

  /** `expected`: values that say nothing; another one stays among what was not taken. */
  attribute(element: CordsElement | undefined, name: string, expected?: readonly string[]): string | undefined {
    const value = element?.attributes[name];
    if (element === undefined || value === undefined) return undefined;
    if (expected !== undefined && !expected.includes(value)) return value;
    const taken = this.#takenAttributes.get(element) ?? new Set();
    this.#takenAttributes.set(element, taken.add(name));
    return value;
  }

  text(element: CordsElement): string {
    this.#takenText.add(element);
    return element.text;
  }

  child(parent: CordsElement | undefined, name: string): CordsElement | undefined {
    return this.children(parent, name).at(0);
  }

  /** Those of that name; only the ones that are passed to `take` count as read. */
  children(parent: CordsElement | undefined, name: string): CordsElement[] {
    const found = parent?.children.filter((child) => child.name === name) ?? [];
    return found;
  }

  take<T extends CordsElement | undefined>(element: T): T {
    if (element !== undefined) this.#taken.add(element);
    return element;
  }

  note(text: string): void {
    this.notes.push(text);
  }

  /** What was not taken, as it stands in the XML, each with its path. */
  leftovers(element: CordsElement, path = `/${element.name}`): string[] {
    if (!this.#taken.has(element)) return [`${path}: ${render(element)}`];
    const taken = this.#takenAttributes.get(element) ?? new Set();
    const attributes = Object.entries(element.attributes).flatMap(([name, value]) =>
      taken.has(name) ? [] : [`${path}: ${name}="${value}"`],
    );
    const text = element.text.trim() === '' || this.#takenText.has(element) ? [] : [`${path}: ${element.text.trim()}`];
    const seen = new Map<string, number>();
    const children = element.children.flatMap((child) => {
      const count = (seen.get(child.name) ?? 0) + 1;
      seen.set(child.name, count);
      return this.leftovers(child, `${path}/${child.name}${count === 1 ? '' : `[${count}]`}`);
    });
    return [...attributes, ...text, ...children];
  }
}

function render({ name, attributes, children, text }: CordsElement): string {
  const said = Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`);
  const inner = children.map(render).join('') + text.trim();
  return inner === '' ? `<${name}${said.join('')}/>` : `<${name}${said.join('')}>${inner}</${name}>`;
}
