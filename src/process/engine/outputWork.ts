/** Takes over what a foreign data part has written: each file is copied into the run and hashed in one reading. */
import type { ByteSource } from '../../dicom/dataSet/dicomObject.ts';
import { parsePart10 } from '../../dicom/dataSet/parsePart10.ts';
import type { ResultRecord } from '../../spool/work/workTypes.ts';
import { readFully } from './inputSource.ts';
import { identifiers, uidOf } from './instanceWork.ts';
import type { WorkAnswer } from './protocol.ts';
import { writeResult } from './resultWriter.ts';
import type { RunFile } from './runFile.ts';

type Output = { fd: number; size: number; path: string };
type Named = { name: string; contentType: string; isDicom: boolean; from: number[] };

/** A Part 10 file becomes an instance, anything else a file. Whether it is one is looked at, not believed. */
export function readOutput({ fd, size, path }: Output, named: Named, file: RunFile): WorkAnswer {
  const source = wholeFile(fd, path, size);
  const { pieces, sha256 } = writeResult([{ source, offset: 0, length: size }], file);
  const { from } = named;
  const isPart10 = size >= 132 && source.read(128, 4).toString('latin1') === 'DICM';
  if (!isPart10) {
    if (named.isDicom) {
      const reason = 'an output that result.json calls DICOM is no Part 10 file';
      return { kind: 'refused', code: 'application.output-unusable', reason };
    }
    const result: ResultRecord = {
      ...{ kind: 'file', name: named.name, contentType: named.contentType, size, sha256, pieces, from },
    };
    return { kind: 'collected', result, study: '' };
  }
  const object = parsePart10(source);
  const uids = identifiers(object);
  if ('refused' in uids) {
    const reason = `a DICOM object that the data part wrote cannot be delivered: ${uids.refused}`;
    return { kind: 'refused', code: 'application.output-unusable', reason };
  }
  const result: ResultRecord = {
    ...{ kind: 'instance', name: '', ...uids, contentType: 'application/dicom', size, sha256, pieces, from },
  };
  return { kind: 'collected', result, study: uidOf(object, 0x0020000d) };
}

function wholeFile(fd: number, path: string, size: number): ByteSource {
  return {
    name: 'output',
    size,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > size) throw new RangeError('bytes that are not in the file');
      const target = Buffer.allocUnsafe(length);
      readFully(fd, path, target, 0, length, offset);
      return target;
    },
  };
}
