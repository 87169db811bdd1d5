/**
 * Who is behind a pseudonym or a UID that left this site: for authorised use, on the machine that has the site's keys. That it
 * was asked, by whom and why, is on disk before the answer is known.
 */
import { userInfo } from 'node:os';
import type { Identity } from '../../process/step.ts';
import type { Configuration } from '../config/configuration.ts';
import { statePaths } from '../statePaths.ts';
import { appendAudit } from './auditFile.ts';
import { openSiteIdentities } from './siteIdentities.ts';

/**
 * What the site's map knows of a text: whom it stands for, and which UIDs became which. The patient is empty where several may be
 * meant; `earlier` is what older instances said of the same one.
 */
export type KnownIdentity = Pick<Identity, 'patient' | 'uids'> & { earlier?: Identity['patient'][] };

/** The port of the site's map of identities. */
export type IdentityLookup = { find(text: string): KnownIdentity | undefined; close(): void };

export type Reidentified = { asked: string; found: KnownIdentity | undefined };

/** As it is asked for: UIDs and pseudonyms have no other characters, and the audit file must not take in names. */
export const askablePattern = /^[A-Za-z0-9._-]{1,64}$/;

export type ReidentifyRequest = { texts: readonly string[]; reason: string };

function whoAsks(): { user: string; asRoot?: string } {
  const { username } = userInfo();
  const behind = process.env.SUDO_USER;
  return behind === undefined || username !== 'root' ? { user: username } : { user: behind, asRoot: username };
}

/** Errors: those of opening the map, and of the audit file: without a line there, nothing is looked up. */
export async function reidentify(
  config: Pick<Configuration, 'stateDirectory'>,
  { texts, reason }: ReidentifyRequest,
  open: (config: Pick<Configuration, 'stateDirectory'>) => Promise<IdentityLookup> = openSiteIdentities,
): Promise<Reidentified[]> {
  const lookup = await open(config);
  try {
    const at = new Date().toISOString();
    appendAudit(statePaths(config.stateDirectory).identityAudit, { at, ...whoAsks(), reason, texts });
    return texts.map((asked) => ({ asked, found: lookup.find(asked) }));
  } finally {
    lookup.close();
  }
}
