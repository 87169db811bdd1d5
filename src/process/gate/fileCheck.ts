/** Files that leave beside DICOM objects: their names, their bytes, and what lies inside of the kinds that are known. */
import type { GateFinding, Leaving } from '../engine/gate.ts';
import { unpack } from './containers.ts';
import { type DicomCheck, lookAt } from './dicomCheck.ts';
import { objectOfJson } from './dicomJsonCheck.ts';
import { lookInto, unreadable } from './fileContent.ts';
import type { Found } from './scanBytes.ts';
import { looksLikeText, searchBytes, searchIn, searchText } from './textSearch.ts';

/** What is larger is searched in pieces, and not looked into. */
const mostInMemory = 256 * 1024 * 1024;

export function checkFile({ name, contentType, source }: Leaving, check: DicomCheck): GateFinding[] {
  const { needles } = check;
  const findings: GateFinding[] = [];
  const note = (found: Found | undefined, where: string) => {
    if (found === 'uid') findings.push({ code: 'gate.original-uid', reason: `an original UID in ${where}` });
    if (found === 'value') findings.push({ code: 'gate.original-value', reason: `an original value in ${where}` });
  };
  note(searchText(name, needles, 'name'), 'the name of a file');
  if (source.size === 0) return findings;
  if (source.size > mostInMemory) {
    const search = (bytes: Buffer) => searchBytes(bytes, needles, looksLikeText(bytes) ? 'file' : 'binary');
    note(searchIn({ source, offset: 0, length: source.size }, search), 'a file');
    const isPacked = unpack(source.read(0, 16)) !== undefined;
    if (isPacked) findings.push(unreadable('it is larger than 256 MiB, and has contents that are compressed'));
    return findings;
  }
  const bytes = source.read(0, source.size);
  if (!isDicomJson(contentType)) {
    lookInto(bytes, { needles, note, findings });
    return findings;
  }
  const read = objectOfJson(bytes);
  if (read !== undefined) lookAt(read.object, check, findings);
  else if (!check.isForeign) findings.push(unreadable('it is no DICOM JSON, though it is called so'));
  // What the reader does not show is searched as text.
  if (!read?.isWhole) lookInto(bytes, { needles, note, findings });
  return findings;
}

const isDicomJson = (contentType: string) => /^application\/dicom\+json\s*(;|$)/i.test(contentType.trim());
