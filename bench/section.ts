import type { TestPki } from '../test/support/certificates.ts';
import type { Storage } from './storage.ts';

export type SectionSetting = { quick: boolean; storage: Storage; pki: TestPki; say(line: string): void };

/** Keys of the bench's last line, and what could not be measured, with the reason. */
export type SectionResult = { summary: Record<string, unknown>; couldNotRun: Record<string, string> };

export type Section = (setting: SectionSetting) => Promise<SectionResult>;
