/** What an association writes into the log. Every line names the peer; none holds more of a stranger's text than it should. */
import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { status, statusText } from '../dimse/status.ts';
import { isUid } from '../uids.ts';
import type { AbortInfo } from '../upperLayer/association.ts';
import type { ProposedContext } from '../upperLayer/pdu.ts';
import type { Admission, Caller, LimitName } from './access.ts';
import { printable } from './printable.ts';
import type { StorageResult } from './storage.ts';

export type Ending = {
  how: 'released' | 'aborted' | 'rejected' | 'closed';
  /** Who ended it, when it was not released. */
  by?: AbortInfo['by'];
  /** The limit that it was ended for. */
  limit?: LimitName;
  /** A message had begun and was not whole, or the peer waited for an answer. */
  midMessage?: boolean;
  detail?: string;
};

export type AssociationCounters = {
  instances: number;
  duplicates: number;
  refused: number;
  bytes: number;
  echoes: number;
};

export class AssociationLog {
  readonly #log: Log;
  readonly #caller: Caller;
  #peer = '';

  constructor(log: Log, caller: Caller) {
    this.#log = log;
    this.#caller = caller;
  }

  /** The calling AE title, once it is known. */
  set peer(title: string) {
    this.#peer = title;
  }

  rejected(verdict: Extract<Admission, { admitted: false }>): void {
    const message = `association rejected: ${verdict.why}; ${verdict.hint}`;
    this.#log.warn('association.rejected', message, { ...this.#who(), ...verdict.rejection });
  }

  contextsRefused(refused: readonly ProposedContext[], proposed: number): void {
    const abstractSyntaxes = refused.slice(0, 5).map((context) => printable(context.abstractSyntax));
    const message = `${refused.length} of ${proposed} presentation contexts not accepted`;
    this.#log.info('association.contexts-refused', message, { ...this.#who(), abstractSyntaxes });
  }

  /** `answered`: the status; undefined for what has no answer. */
  operationRefused(code: string, answered: number | undefined): void {
    const what = answered === undefined ? 'it has no answer' : `answered ${statusText(answered)}`;
    this.#log.warn('dimse.unsupported', `command ${code} is not offered on this context; ${what}`, this.#who());
  }

  instance(result: StorageResult): void {
    // What is no UID may be anything, a name even: it does not get into the log (invariant 11).
    const { length } = result.header.sopInstanceUid;
    const isSafe = isUid(result.header.sopInstanceUid);
    const sopInstanceUid = isSafe ? result.header.sopInstanceUid : `(not a UID, ${length} characters)`;
    if (result.status !== status.success) {
      const why = result.outcome?.kind === 'refused' ? result.outcome.reason : (result.comment ?? 'refused');
      const message = `instance answered ${statusText(result.status)}: ${why}`;
      this.#log.warn('instance.refused', message, { ...this.#who(), sopInstanceUid });
    } else if (result.outcome?.kind === 'new-version') {
      const { version } = result.outcome;
      const message = `instance came again with other bytes; both are kept, this one as version ${version}; ask the sender why`;
      this.#log.warn('instance.new-version', message, { ...this.#who(), sopInstanceUid });
    }
  }

  fault(error: unknown): string {
    const message = `internal fault: ${describeError(error)}`;
    this.#log.error('association.fault', message, { ...this.#who(), stack: error instanceof Error ? error.stack : '' });
    return message;
  }

  ended(ending: Ending, counters: AssociationCounters, seconds: number, admitted: boolean): void {
    if (ending.how === 'rejected') return; // said when it was done
    const fields = { ...this.#who(), ...counters, seconds, ...(admitted ? {} : { admitted }) };
    if (ending.how === 'released' && ending.midMessage) {
      const message =
        'association released in the middle of a message: what was being sent is not kept, and was not answered';
      this.#log.warn('association.released-early', `${message}; the sender has to send it again`, fields);
    } else if (ending.how === 'released') this.#log.info('association.released', 'association released', fields);
    else {
      const what = admitted ? 'association' : 'connection';
      this.#log.warn('association.aborted', `${what} ${ending.how}: ${ending.detail ?? 'no data'}`, fields);
    }
  }

  #who() {
    return { peer: this.#peer, address: this.#caller.address, listener: this.#caller.listener };
  }
}
