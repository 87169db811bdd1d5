/** Requests that a peer makes on an association that we opened: gathered whole, handed to whoever serves them, answered. */
import { type CommandSet, noDataSet } from '../dimse/commandSet.ts';
import { status } from '../dimse/status.ts';
import { GatheredBytes } from '../upperLayer/gatheredBytes.ts';

/** Answers with the response; undefined: not served (0211H). */
export type Serve = (contextId: number, command: CommandSet, dataSet: Buffer) => CommandSet | undefined;

const maxDataSetBytes = 32 * 1024 * 1024;

export const isRequest = ({ commandField }: CommandSet) => (commandField & 0x8000) === 0;

export class PeerRequests {
  readonly #serve: Serve;
  readonly #respond: (contextId: number, response: CommandSet) => void;
  #current: { contextId: number; command: CommandSet; gathered: GatheredBytes; bytes: number } | undefined;

  constructor(serve: Serve, respond: (contextId: number, response: CommandSet) => void) {
    this.#serve = serve;
    this.#respond = respond;
  }

  onCommand(contextId: number, command: CommandSet, hasDataSet: boolean): void {
    this.#current = { contextId, command, gathered: new GatheredBytes(), bytes: 0 };
    if (!hasDataSet) this.#finish();
  }

  /** Data sets of responses come here too, and go nowhere. */
  onDataSet(bytes: Buffer, last: boolean): void {
    if (this.#current === undefined) return;
    this.#current.bytes += bytes.length;
    if (this.#current.bytes <= maxDataSetBytes) this.#current.gathered.add(bytes, maxDataSetBytes);
    else this.#current.gathered = new GatheredBytes();
    if (last) this.#finish();
  }

  #finish(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    const { contextId, command, gathered, bytes } = current;
    const response = bytes <= maxDataSetBytes ? this.#serve(contextId, command, gathered.take()) : undefined;
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
