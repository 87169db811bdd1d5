/** Requests that a peer makes on an association that we opened: gathered whole, handed to whoever serves them, answered. */
import { type CommandSet, noDataSet } from '../dimse/commandSet.ts';
import { status } from '../dimse/status.ts';

/** Answers with the response; undefined: not served (0211H). */
export type Serve = (contextId: number, command: CommandSet, dataSet: Buffer) => CommandSet | undefined;

const maxDataSetBytes = 32 * 1024 * 1024;

export const isRequest = ({ commandField }: CommandSet) => (commandField & 0x8000) === 0;

export class PeerRequests {
  readonly #serve: Serve;
  readonly #respond: (contextId: number, response: CommandSet) => void;
  #current: { contextId: number; command: CommandSet; parts: Buffer[]; bytes: number } | undefined;

  constructor(serve: Serve, respond: (contextId: number, response: CommandSet) => void) {
    this.#serve = serve;
    this.#respond = respond;
  }

  onCommand(contextId: number, command: CommandSet, hasDataSet: boolean): void {
    this.#current = { contextId, command, parts: [], bytes: 0 };
    if (!hasDataSet) this.#finish();
  }

  /** Data sets of responses come here too, and go nowhere. */
  onDataSet(bytes: Buffer, last: boolean): void {
    if (this.#current === undefined) return;
    this.#current.bytes += bytes.length;
    if (this.#current.bytes <= maxDataSetBytes) this.#current.parts.push(Buffer.from(bytes));
    else this.#current.parts = [];
    if (last) this.#finish();
  }

  #finish(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    const { contextId, command, parts, bytes } = current;
    const response = bytes <= maxDataSetBytes ? this.#serve(contextId, command, Buffer.concat(parts)) : undefined;
    this.#respond(
      contextId,
      response ?? {
        commandField: command.commandField | 0x8000,
        messageIdBeingRespondedTo: command.messageId ?? 0,
        commandDataSetType: noDataSet,
        status: status.unrecognizedOperation,
      },
    );
  }
}
