/** Joins reception and spool: what the association hands over becomes a Part 10 object in the spool. */
import type { Log } from '../base/log.ts';
import { characterSet, decodeText } from '../dicom/dataSet/characterSets.ts';
import { encodeFileMeta } from '../dicom/dataSet/fileMeta.ts';
import { IdentifyingTagScanner, type IdentifyingTags } from '../dicom/dataSet/identifyingTags.ts';
import type { IncomingInstance, InstanceHeader, Intake } from '../dicom/services/storage.ts';
import { isUid } from '../dicom/uids.ts';
import type { InstanceDescription } from '../spool/segmentFormat.ts';
import type { Spool } from '../spool/spool.ts';

/** (0008,0060) is a code string; anything else is not worth an index entry. */
const codeString = /^[A-Z0-9_ ]{1,16}$/;
const specificCharacterSet = 0x00080005;
const maxRouteTags = 16;
const maxTagCharacters = 256;

/** Values that routes look at, as text: by `0008103E`, without padding, values of one element parted by backslashes. */
function routeTagsOf({ asked }: IdentifyingTags): Record<string, string> {
  const set = characterSet((asked?.get(specificCharacterSet) ?? '').split('\\').map((term) => term.trim()));
  const found = [...(asked ?? [])].filter(([tag]) => tag !== specificCharacterSet).slice(0, maxRouteTags);
  return Object.fromEntries(
    found.map(([tag, raw]) => {
      const values = decodeText(Buffer.from(raw, 'latin1'), set).slice(0, maxTagCharacters).split('\\');
      const text = values.map((value) => value.replace(/[\0 ]+$/, '').trimStart()).join('\\');
      return [tag.toString(16).toUpperCase().padStart(8, '0'), text];
    }),
  );
}

/**
 * What the index keeps. A malformed data set is evidence: it is stored as it was sent, and what is wrong with it becomes a
 * flag. Identifiers that are no UIDs never get further than this function.
 */
export function describeInstance(header: InstanceHeader, tags: IdentifyingTags): InstanceDescription {
  const flags: string[] = [];
  if (tags.problem !== undefined) flags.push('malformed');
  if (!isUid(tags.studyInstanceUid)) flags.push('noStudyInstanceUid');
  if (!isUid(tags.seriesInstanceUid)) flags.push('noSeriesInstanceUid');
  if (tags.sopInstanceUid !== header.sopInstanceUid) flags.push('sopInstanceUidMismatch');
  if (tags.sopClassUid !== header.sopClassUid) flags.push('sopClassUidMismatch');
  const routeTags = routeTagsOf(tags);
  return {
    sopInstanceUid: header.sopInstanceUid,
    sopClassUid: header.sopClassUid,
    transferSyntaxUid: header.transferSyntaxUid,
    ...(isUid(tags.studyInstanceUid) ? { studyInstanceUid: tags.studyInstanceUid } : {}),
    ...(isUid(tags.seriesInstanceUid) ? { seriesInstanceUid: tags.seriesInstanceUid } : {}),
    ...(tags.modality !== undefined && codeString.test(tags.modality) ? { modality: tags.modality } : {}),
    ...(tags.patientId === undefined ? {} : { patientId: tags.patientId.slice(0, 64) }),
    peer: header.peer,
    flags,
    ...(Object.keys(routeTags).length === 0 ? {} : { routeTags }),
  };
}

/** `asked`: tags of elements that routes look at (`askedTags`). */
export function spoolIntake(spool: Spool, log: Log, asked: ReadonlySet<number> = new Set()): Intake {
  const scanned = asked.size === 0 ? asked : new Set([specificCharacterSet, ...asked]);
  return {
    begin(header): IncomingInstance | { refused: string } {
      const incoming = spool.receive();
      if ('refused' in incoming) return incoming;
      const scanner = new IdentifyingTagScanner(header.transferSyntaxUid, scanned);
      incoming.write(encodeFileMeta(header));
      return {
        write(bytes) {
          if (!scanner.done) scanner.push(bytes);
          return incoming.write(bytes);
        },
        onDrain: (callback) => incoming.onDrain(callback),
        async finish() {
          const description = describeInstance(header, scanner.end());
          const outcome = await incoming.commit(description);
          const { flags, peer, sopInstanceUid, studyInstanceUid: study } = description;
          if (outcome.kind !== 'stored' && outcome.kind !== 'new-version') return outcome;
          if (flags.length > 0) {
            const message = 'instance kept as it was sent, but its data set is not as it should be; ask the sender';
            log.warn('instance.flagged', message, { peer, sopInstanceUid, flags });
          }
          return study === undefined ? outcome : { ...outcome, study };
        },
        discard: () => incoming.discard(),
      };
    },
  };
}
