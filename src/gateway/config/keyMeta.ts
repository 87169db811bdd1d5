/** What the schema says of a key beside its type: what it means, and when a change of it takes effect. */

type KeyMeta = { description: string; 'x-applies': 'live' | 'restart' };

/** Takes effect on a reload, for associations that begin after it: see LiveConfiguration. */
export const live = (description: string): KeyMeta => ({ description, 'x-applies': 'live' });
/** Takes effect at the next start. */
export const restart = (description: string): KeyMeta => ({ description, 'x-applies': 'restart' });

export const MiB = 2 ** 20;
