/** Whose address it is, for connections that end before they say who calls. */

const maxAddresses = 4096;

export class Callers {
  /** AE titles that were admitted from an address; `undefined`: more than one, so it says nothing. */
  readonly #titles = new Map<string, string | undefined>();

  note(address: string, aeTitle: string): void {
    if (!this.#titles.has(address)) {
      const oldest = this.#titles.keys().next();
      if (this.#titles.size >= maxAddresses && !oldest.done) this.#titles.delete(oldest.value);
      this.#titles.set(address, aeTitle);
    } else if (this.#titles.get(address) !== aeTitle) this.#titles.set(address, undefined);
  }

  /** The one AE title that calls from there; undefined when there is none, or more than one. */
  aeTitleAt(address: string): string | undefined {
    return this.#titles.get(address);
  }
}
