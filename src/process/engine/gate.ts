/**
 * The port of the conformance gate: an independent second look at everything that would leave a run of an application that
 * de-identifies. It runs in worker threads: over what the steps made before anybody else has it, and over what a data part made. A run of such an application without a gate is
 * refused: nothing fails open.
 */
import type { ByteSource } from '../../dicom/dataSet/dicomObject.ts';
import type { Application } from '../application.ts';
import type { Identity } from '../step.ts';

/** One thing that would leave. */
export type Leaving = {
  kind: 'instance' | 'file';
  /** Of a file: its path below the application's results. */
  name: string;
  contentType: string;
  /** Whose hands it comes from: our own steps', or a foreign data part's. */
  madeBy: 'steps' | 'data-part';
  /** All of its bytes, as they would be delivered. */
  source: ByteSource;
  /** Of an instance of our own steps: the object as it was received. */
  original?: ByteSource;
};

/** `reason` names tags and kinds of identifiers, never a value. */
export type GateFinding = { code: string; reason: string };

export type Gate = { check(leaving: Leaving): GateFinding[] | Promise<GateFinding[]> };

/** What the gate's module exports as `createGate`: made once for each run and thread, with what all inputs said. */
export type CreateGate = (run: { application: Application; identities: readonly Identity[] }) => Gate;
