/**
 * Puts presentation data values together into DIMSE messages (PS3.7 section 6.3, PS3.8 annex E): first the command
 * fragments, which are small and gathered, then the data set fragments, which are passed on as they come. Pure.
 */
import { GatheredBytes } from '../upperLayer/gatheredBytes.ts';
import { abortReason } from '../upperLayer/pduError.ts';
import { type CommandSet, CommandSetError, decodeCommandSet, noDataSet } from './commandSet.ts';

export type MessageHandler = {
  /** A whole command. `hasDataSet` says whether onDataSet will follow. */
  onCommand(contextId: number, command: CommandSet, hasDataSet: boolean): void;
  /** Bytes of the data set, valid during the call only; `last` with the final ones. */
  onDataSet(bytes: Buffer, last: boolean): void;
  /** The peer broke the rules of PS3.7/PS3.8; the association is to be aborted. */
  onViolation(message: string, reason: number): void;
};

const isCommand = 0x01;
const isLast = 0x02;
/** Command sets are a few hundred bytes; a peer that sends more means harm or is broken. */
const maxCommandBytes = 64 * 1024;

type Phase = { name: 'command'; contextId: number | undefined } | { name: 'data-set'; contextId: number };

export class MessageReader {
  readonly #handler: MessageHandler;
  #phase: Phase = { name: 'command', contextId: undefined };
  readonly #command = new GatheredBytes();
  #broken = false;

  constructor(handler: MessageHandler) {
    this.#handler = handler;
  }

  /** True while a message has begun and not ended. */
  get inMessage(): boolean {
    return this.#phase.name === 'data-set' || this.#command.length > 0;
  }

  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void {
    if (this.#broken) return;
    const last = fragmentEnds && (control & isLast) !== 0;
    if ((control & isCommand) !== 0) this.#onCommandBytes(contextId, bytes, last);
    else this.#onDataBytes(contextId, bytes, last);
  }

  #onCommandBytes(contextId: number, bytes: Buffer, last: boolean): void {
    if (this.#phase.name !== 'command') return this.#violate('command fragment in the middle of a data set');
    if (this.#phase.contextId !== undefined && this.#phase.contextId !== contextId) {
      return this.#violate('command fragments of one message on two presentation contexts');
    }
    this.#phase.contextId = contextId;
    if (this.#command.length + bytes.length > maxCommandBytes) {
      return this.#violate(`command set of over ${maxCommandBytes} bytes`);
    }
    this.#command.add(bytes, maxCommandBytes);
    if (!last) return;
    let command: CommandSet;
    try {
      command = decodeCommandSet(this.#command.take());
    } catch (error) {
      if (!(error instanceof CommandSetError)) throw error;
      return this.#violate(error.message);
    }
    const hasDataSet = command.commandDataSetType !== noDataSet;
    this.#phase = hasDataSet ? { name: 'data-set', contextId } : { name: 'command', contextId: undefined };
    this.#handler.onCommand(contextId, command, hasDataSet);
  }

  #onDataBytes(contextId: number, bytes: Buffer, last: boolean): void {
    if (this.#phase.name !== 'data-set') return this.#violate('data set fragment without a command before it');
    if (this.#phase.contextId !== contextId)
      return this.#violate('data set on another presentation context than its command');
    if (last) this.#phase = { name: 'command', contextId: undefined };
    this.#handler.onDataSet(bytes, last);
  }

  #violate(message: string): void {
    this.#broken = true;
    this.#handler.onViolation(message, abortReason.invalidParameterValue);
  }
}
