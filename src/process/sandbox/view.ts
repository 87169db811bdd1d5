/**
 * What a data part sees: the machine's programs and libraries, read-only, and of /etc only what libraries look up at run time.
 * Nothing else of the machine exists for it.
 */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Where the parts of a run are for the program. The contract for authors (docs/data-part-contract.md) names them. */
export const places = {
  application: '/application',
  input: '/input',
  output: '/output',
  /** The gateway's own Node, so that a data part in plain TypeScript needs nothing from the machine. */
  node: '/opt/medusa/bin/node',
} as const;

/** Whom it is inside, whoever that is outside. */
export const insideId = 1000;
export const insideFiles = {
  passwd: `medusa:x:${insideId}:${insideId}:data part:/tmp:/bin/sh\nroot:x:0:0:root:/nonexistent:/bin/false\n`,
  group: `medusa:x:${insideId}:\nroot:x:0:\n`,
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
} as const;

/** Usrmerge has made most of these links into /usr. */
const topFolders = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];
/** Names in /etc, none of which holds a secret; `*` at the end means any name that begins so. */
const ofEtc = [
  'alternatives',
  'dcmtk',
  'fonts',
  'gdcm*',
  'java-*',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'magic',
  'magic.mime',
  'mime.types',
  'octave.conf',
  'python3*',
  'R',
  'timezone',
];

/** Arguments of bubblewrap for the read-only part of the view, for the machine whose files are below `root`. */
export function machineView(root = '/'): string[] {
  const view = ['--ro-bind', join(root, 'usr'), '/usr'];
  for (const name of topFolders) {
    const kind = lstatSync(join(root, name), { throwIfNoEntry: false });
    if (kind?.isSymbolicLink()) view.push('--symlink', readlinkSync(join(root, name)), `/${name}`);
    else if (kind?.isDirectory()) view.push('--ro-bind', join(root, name), `/${name}`);
  }
  for (const name of readdirSync(join(root, 'etc')).sort()) {
    const isWanted = ofEtc.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
    if (isWanted) view.push('--ro-bind-try', join(root, 'etc', name), `/etc/${name}`);
  }
  return view;
}
