/** What the schema says of a key beside its type: what it means, and when a change of it takes effect. */

type KeyMeta = { description: string; 'x-applies': 'live' | 'restart' };

/** Meant to take effect while the gateway runs, once configuration can be changed in service; until then as `restart`. */
export const live = (description: string): KeyMeta => ({ description, 'x-applies': 'restart' });
/** Takes effect at the next start. */
export const restart = (description: string): KeyMeta => ({ description, 'x-applies': 'restart' });

export const MiB = 2 ** 20;
