/**
 * The keys of the site for de-identification. One master key lies in a file; what is used is derived from it, a key for each
 * purpose. Who has the master key can tell which pseudonym is whose; who loses it gets other pseudonyms, UIDs and dates for the
 * same patients from then on. It is made once and never overwritten.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, linkSync, openSync, readSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeAllSync } from '../../base/durableFile.ts';
import { describeError, GatewayError, systemCode } from '../../base/errors.ts';
import type { DeidentificationKeys } from '../step.ts';

export type SiteKeys = {
  deidentification: DeidentificationKeys;
  /** 32 bytes, for the map from pseudonyms to people. */
  identityMap: Buffer;
};

const keyLength = 32;

/** Reads the master key, or makes it when there is none; the folder has to be there. Throws GatewayError `site-key.*`. */
export function openSiteKeys(path: string): SiteKeys {
  const master = readMasterKey(path) ?? makeMasterKey(path);
  return deriveSiteKeys(master);
}

/** HKDF-SHA256 (RFC 5869); the labels are fixed, since what was derived with them has left the site. */
export function deriveSiteKeys(master: Buffer): SiteKeys {
  const derive = (label: string) =>
    Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), `medusa-edge/deidentification/1/${label}`, keyLength));
  return {
    deidentification: { uid: derive('uid'), dateShift: derive('date-shift'), pseudonym: derive('pseudonym') },
    identityMap: derive('identity-map'),
  };
}

/** undefined when there is no such file. */
function readMasterKey(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unusable(
      path,
      `it cannot be read: ${describeError(error)}`,
      'let the gateway alone own it, mode 0600',
      error,
    );
  }
  try {
    const { mode, size, uid } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) {
      throw unusable(path, 'it is no regular file', 'move it away and put the key file back from the backup');
    }
    if ((mode & 0o077) !== 0) {
      throw unusable(
        path,
        `others may read it (mode ${(mode & 0o777).toString(8)})`,
        `chmod 600 ${path}, and find out who has read it`,
      );
    }
    const own = process.geteuid?.();
    if (own !== undefined && uid !== own) {
      throw unusable(path, 'it belongs to another user', `chown it to the user of the gateway (uid ${own})`);
    }
    const key = Buffer.alloc(keyLength + 1);
    if (size !== keyLength || readSync(fd, key, 0, key.length, 0) !== keyLength) {
      throw unusable(
        path,
        `it has ${size} bytes instead of ${keyLength}`,
        'put it back from the backup: a new key gives other pseudonyms',
      );
    }
    return key.subarray(0, keyLength);
  } finally {
    closeSync(fd);
  }
}

/** Whole on disk before anything is derived from it. When somebody else made one at the same time, theirs is used. */
function makeMasterKey(path: string): Buffer {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.new`;
  try {
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeAllSync(fd, randomBytes(keyLength));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    try {
      // A link, unlike a renaming, never takes the place of what is there.
      linkSync(temporary, path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    } finally {
      unlinkSync(temporary);
    }
    syncDirectory(dirname(path));
  } catch (error) {
    throw unusable(
      path,
      `it cannot be made: ${describeError(error)}`,
      'see that its folder is there, writable and not full',
      error,
    );
  }
  const key = readMasterKey(path);
  if (key === undefined) throw unusable(path, 'it vanished right after it was made', 'see who clears that folder');
  return key;
}

function unusable(path: string, problem: string, hint: string, cause?: unknown): GatewayError {
  return new GatewayError(`the key of the site for de-identification is not usable: ${problem}`, {
    code: 'site-key.unusable',
    operation: 'open site key',
    subject: path,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
