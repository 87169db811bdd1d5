/** Whose address it is, for connections that end before they say who calls. */

const maxAddresses = 4096;

/** IPv4 callers of an IPv6 socket come as ::ffff:a.b.c.d. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/, '');

export class Callers {
  /** AE titles that were admitted from an address; `undefined`: more than one, so it says nothing. */
  readonly #titles = new Map<string, string | undefined>();

  note(address: string, aeTitle: string): void {
    const key = plain(address);
    if (!this.#titles.has(key)) {
      const oldest = this.#titles.keys().next();
      if (this.#titles.size >= maxAddresses && !oldest.done) this.#titles.delete(oldest.value);
      this.#titles.set(key, aeTitle);
    } else if (this.#titles.get(key) !== aeTitle) this.#titles.set(key, undefined);
  }

  /** The one AE title that calls from there; undefined when there is none, or more than one. */
  aeTitleAt(address: string): string | undefined {
    return this.#titles.get(plain(address));
  }
}
