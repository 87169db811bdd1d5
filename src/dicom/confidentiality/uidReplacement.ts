/** UIDs: always the same for the same original at one site, across studies and time; the original cannot be had from it. */
import { createHmac } from 'node:crypto';
import { isRegistered } from './registeredUids.ts';

const maxCached = 20_000;

export class UidReplacement {
  readonly #key: Buffer;
  readonly #cache = new Map<string, string>();

  /** `key`: 32 bytes, of the site. */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** UIDs of the standard (SOP classes, transfer syntaxes, coding schemes, well-known instances) stay, and so does ''. */
  replace(original: string): string {
    if (original === '' || isRegistered(original)) return original;
    const known = this.#cache.get(original);
    if (known !== undefined) return known;
    const made = derivedUid(this.#key, original);
    if (this.#cache.size >= maxCached) this.#cache.clear();
    this.#cache.set(original, made);
    return made;
  }
}

/** `2.25.` and 128 bits of HMAC-SHA256 as a decimal number (PS3.5 B.2: the form of UIDs that are made of UUIDs). */
export function derivedUid(key: Buffer, original: string): string {
  const digest = createHmac('sha256', key).update(original).digest('hex').slice(0, 32);
  return `2.25.${BigInt(`0x${digest}`)}`;
}
