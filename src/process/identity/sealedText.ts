/** Values under the site's map key: AES-256-GCM, bound to the row that they stand in. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const nonceLength = 12;
const tagLength = 16;
const fingerprintLength = 16;

export class Sealer {
  readonly #encryption: Buffer;
  readonly #authentication: Buffer;

  /** `key`: 32 bytes, of the site. */
  constructor(key: Buffer) {
    const derive = (label: string) =>
      Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `identity-map/1/${label}`, 32));
    this.#encryption = derive('encryption');
    this.#authentication = derive('fingerprint');
  }

  /** Nonce, ciphertext, tag. `row` names where it will stand: elsewhere it does not open. */
  seal(row: string, text: string): Buffer {
    const nonce = randomBytes(nonceLength);
    const cipher = createCipheriv('aes-256-gcm', this.#encryption, nonce);
    cipher.setAAD(Buffer.from(row));
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  }

  /** undefined when it is not what was sealed for `row` with this key. */
  open(row: string, sealed: Buffer): string | undefined {
    if (sealed.length < nonceLength + tagLength) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#encryption, sealed.subarray(0, nonceLength), {
      authTagLength: tagLength,
    });
    decipher.setAAD(Buffer.from(row));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
    try {
      const body = sealed.subarray(nonceLength, sealed.length - tagLength);
      return decipher.update(body, undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined;
    }
  }

  /** Tells whether two contents of a row are the same, without opening them. */
  fingerprint(row: string, text: string): Buffer {
    const digest = createHmac('sha256', this.#authentication).update(`${row}\0${text}`).digest();
    return digest.subarray(0, fingerprintLength);
  }
}
