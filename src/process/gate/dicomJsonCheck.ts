/**
 * Reads the DICOM JSON Model (PS3.18 Annex F) as a data set, so that it is held to the same rules, each value by its VR. Its own
 * reader, not the inverse of the step that writes it. Pure.
 */
import { characterSet } from '../../dicom/dataSet/characterSets.ts';
import type { DataElement, DataSet, DicomObject, ElementValue } from '../../dicom/dataSet/dicomObject.ts';
import { makeElement } from '../../dicom/dataSet/elements.ts';
import { isKnownVr, isTextVr } from '../../dicom/dataSet/valueRepresentation.ts';

/** `isWhole`: all that stands in the bytes is in the object. */
export type JsonObject = { object: DicomObject; isWhole: boolean };

/** undefined: it is no JSON, or not an object in the form of the model. */
export function objectOfJson(bytes: Buffer): JsonObject | undefined {
  try {
    const text = bytes.toString('utf8');
    const json = JSON.parse(text) as unknown;
    const reader = new Reader();
    const dataSet = reader.dataSet(Array.isArray(json) && json.length === 1 ? json[0] : json);
    const object: DicomObject = {
      meta: { sopClassUid: '', sopInstanceUid: '', transferSyntaxUid: '1.2.840.10008.1.2.1' } as DicomObject['meta'],
      encoding: { explicitVr: true, littleEndian: true, deflated: false },
      dataSet,
    };
    return { object, isWhole: reader.isWhole && keysWritten(text) === keysRead(json) };
  } catch {
    return undefined;
  }
}

/** Of two members of one name JSON.parse keeps the last: whoever reads it otherwise would see the first. */
const keysWritten = (text: string) =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon).length;

function keysRead(json: unknown): number {
  if (Array.isArray(json)) return json.reduce((sum: number, one) => sum + keysRead(one), 0);
  if (json === null || typeof json !== 'object') return 0;
  return Object.values(json).reduce((sum: number, one) => sum + 1 + keysRead(one), 0);
}

const characterSetTag = 0x00080005;

class Reader {
  isWhole = true;

  dataSet(json: unknown): DataSet {
    const elements = Object.entries(asRecord(json)).map(([key, attribute]) => {
      if (!/^[0-9A-Fa-f]{8}$/.test(key)) throw new TypeError('no tag');
      return this.#element(Number.parseInt(key, 16), asRecord(attribute));
    });
    return { elements };
  }

  #element(tag: number, attribute: Record<string, unknown>): DataElement {
    const { vr, Value: values = [], InlineBinary: binary, ...others } = attribute;
    if (typeof vr !== 'string' || !isKnownVr(vr) || !Array.isArray(values)) throw new TypeError('no attribute');
    if (Object.keys(others).length > 0) this.isWhole = false;
    return { tag, vr, value: this.#value(vr, values, binary) };
  }

  #value(vr: string, values: unknown[], binary: unknown): ElementValue {
    if (vr === 'SQ') {
      if (binary !== undefined) this.isWhole = false;
      const items = values.map((item) => ({ dataSet: this.dataSet(item ?? {}), undefinedLength: false }));
      return { kind: 'sequence', items, undefinedLength: false };
    }
    if (binary !== undefined) {
      if (typeof binary !== 'string' || values.length > 0) throw new TypeError('no binary value');
      const bytes = Buffer.from(binary, 'base64');
      if (bytes.toString('base64').replace(/=+$/, '') !== binary.replace(/=+$/, '')) this.isWhole = false;
      return { kind: 'bytes', bytes };
    }
    if (!isTextVr(vr) && values.every((one) => typeof one === 'number' || one === null)) return numbers(vr, values);
    const texts = values.map((one) => (vr === 'PN' && isRecord(one) ? nameOf(one) : String(one ?? '')));
    if (!isTextVr(vr) && vr !== 'AT') this.isWhole = false;
    return { kind: 'bytes', bytes: Buffer.from(texts.join('\\')) };
  }
}

function numbers(vr: string, values: Array<number | null>): ElementValue {
  try {
    return makeElement(
      characterSetTag,
      vr,
      values.map((one) => one ?? 0),
    ).value;
  } catch {
    return { kind: 'bytes', bytes: Buffer.from(values.join('\\')) };
  }
}

const nameOf = (groups: Record<string, unknown>): string => {
  const { Alphabetic = '', Ideographic = '', Phonetic = '', ...others } = groups;
  if (Object.keys(others).length > 0) throw new TypeError('no name');
  return [Alphabetic, Ideographic, Phonetic].join('=').replace(/=+$/, '');
};

const isRecord = (json: unknown): json is Record<string, unknown> =>
  json !== null && typeof json === 'object' && !Array.isArray(json);

function asRecord(json: unknown): Record<string, unknown> {
  if (!isRecord(json)) throw new TypeError('no object');
  return json;
}

/** All text of it, whatever (0008,0005) says that the object had. */
export const jsonCharacterSet = characterSet(['ISO_IR 192']);
