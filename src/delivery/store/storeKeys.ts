/**
 * What may be a key. Stricter than S3: a key must also be a relative path, the same on every kind of store, that cannot
 * leave the place it is put in; and it must survive XML 1.0, in which S3 lists keys.
 */
import { storeError } from './storeErrors.ts';

/** S3: a key is at most 1,024 bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;
/** NAME_MAX of every file system we know. */
const MAX_COMPONENT_BYTES = 255;

/** First component of names that the stores keep for themselves: never listed, never accepted as a key. */
export const RESERVED_COMPONENT = '.medusa';

function problemOf(key: string, maxBytes: number): string | undefined {
  if (key === '') return 'it is empty';
  if (Buffer.byteLength(key) > maxBytes) return `it is longer than ${maxBytes} bytes`;
  // Control characters, DEL, and what UTF-8 or XML cannot carry.
  if (/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(key)) return 'it holds a control character';
  const components = key.split('/');
  if (components[0] === RESERVED_COMPONENT) return `${RESERVED_COMPONENT} is kept for the store itself`;
  for (const component of components) {
    if (component === '') return 'it has an empty component';
    if (component === '.' || component === '..') return 'it has the component . or ..';
    if (Buffer.byteLength(component) > MAX_COMPONENT_BYTES) return 'a component is longer than 255 bytes';
  }
  return undefined;
}

export type KeyMapper = {
  /** The name in the store, prefix included. Throws `store.bad-key`. */
  toStore(key: string): string;
  /** The key of a name in the store; undefined when it lies outside the prefix or is the store's own. */
  fromStore(name: string): string | undefined;
  /** What names start with when their keys start with `keyPrefix`, which may be empty or end anywhere. */
  prefixToStore(keyPrefix: string): string;
  /** A name that no key has, for the store's own purposes. */
  reserved(name: string): string;
};

/** Puts a configured prefix (folders, or '') before keys. Throws `store.bad-key` for a prefix that cannot be one. */
export function createKeyMapper(prefix: string): KeyMapper {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '');
  const folder = trimmed === '' ? '' : `${trimmed}/`;
  const refuse = (key: string, problem: string): never => {
    // JSON: the subject is logged, and a key may hold anything.
    const subject = JSON.stringify(key.slice(0, 200));
    throw storeError('store.bad-key', `not a key: ${problem}`, { operation: 'check key', subject });
  };
  if (trimmed !== '') {
    const problem = problemOf(trimmed, MAX_KEY_BYTES);
    if (problem) refuse(trimmed, problem);
  }
  const reserved = `${folder}${RESERVED_COMPONENT}/`;
  return {
    toStore(key) {
      const problem = problemOf(key, MAX_KEY_BYTES - Buffer.byteLength(folder));
      if (problem) refuse(key, problem);
      return folder + key;
    },
    fromStore: (name) =>
      name.startsWith(folder) && name.length > folder.length && !name.startsWith(reserved)
        ? name.slice(folder.length)
        : undefined,
    prefixToStore: (keyPrefix) => folder + keyPrefix,
    reserved: (name) => reserved + name,
  };
}
