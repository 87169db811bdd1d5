/**
 * What @peculiar/x509 asks of the Reflect Metadata proposal through its dependency tsyringe: to look up and to keep values by
 * class. It does not ship it. Import this before it.
 */
const values = new WeakMap<object, Map<string, unknown>>();

const get = (key: string, target: object): unknown => values.get(target)?.get(key);
const define = (key: string, value: unknown, target: object): void => {
  const of = values.get(target) ?? new Map<string, unknown>();
  values.set(target, of.set(key, value));
};

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, { getMetadata: get, getOwnMetadata: get, defineMetadata: define });
}
