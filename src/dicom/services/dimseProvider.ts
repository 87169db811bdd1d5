/**
 * DIMSE on one accepted association (PS3.7): puts values together into messages, gives each to the service that it is for,
 * refuses what is for none, and sends what the services answer.
 */
import { type CommandSet, encodeCommandSet } from '../dimse/commandSet.ts';
import { MessageReader } from '../dimse/messageReader.ts';
import { encodePData } from '../dimse/pdvWriter.ts';
import { statusText } from '../dimse/status.ts';
import type { Association, Transport } from '../upperLayer/association.ts';
import type { AcceptedContext } from '../upperLayer/negotiation.ts';
import { abortReason } from '../upperLayer/pduError.ts';
import type { BackPressure } from './backPressure.ts';
import { refusalOf } from './operationRefusal.ts';
import type { AssociationService, ServiceHost } from './service.ts';
import type { OperationsWindow } from './storage.ts';

export type DimseProviderOptions = {
  association: Pick<Association, 'sendPData' | 'hold' | 'resume' | 'abort' | 'protocolError'>;
  transport: Pick<Transport, 'onDrain'>;
  pressure: BackPressure;
  contexts: ReadonlyMap<number, AcceptedContext>;
  /** Largest P-DATA-TF variable field that the peer takes; 0 is no limit. */
  peerMaximum: number;
  /** Requests that the peer may have unanswered at a time. */
  operationsWindow: number;
  createServices(host: ServiceHost, window: OperationsWindow): AssociationService[];
  /** Something is about to be sent. */
  onSend(): void;
  /** A command that no service takes, in hexadecimal, and the status it is answered; undefined when it has no answer. */
  onRefused(code: string, answered: number | undefined): void;
  /** Runs what may throw, and ends the association if it does. */
  guarded(run: () => void): void;
};

export class DimseProvider {
  readonly #options: DimseProviderOptions;
  readonly #messages: MessageReader;
  readonly #services: readonly AssociationService[];
  /** Takes the data set that comes now; undefined: it is read over. */
  #receiver: AssociationService | undefined;

  constructor(options: DimseProviderOptions) {
    this.#options = options;
    this.#messages = new MessageReader({
      onCommand: (id, command, hasDataSet) => this.#onCommand(id, command, hasDataSet),
      onDataSet: (bytes, last) => this.#receiver?.onDataSet(bytes, last),
      onViolation: (message, reason) => options.association.protocolError(message, reason),
    });
    const { association, pressure, operationsWindow } = options;
    const host: ServiceHost = {
      send: (contextId, command, dataSet) => this.#send(contextId, command, dataSet),
      pause: () => pressure.hold('intake'),
      resume: () => pressure.letGo('intake'),
      abort: (message) => association.abort(message),
    };
    this.#services = options.createServices(host, {
      size: operationsWindow,
      hold: () => this.#holdBack(),
      letGo: (first) => this.#letGoOn(first),
    });
  }

  onPdv(contextId: number, control: number, bytes: Buffer, fragmentEnds: boolean): void {
    if (!this.#options.contexts.has(contextId)) {
      const message = `data on presentation context ${contextId}, which was not accepted`;
      return this.#options.association.protocolError(message, abortReason.invalidParameterValue);
    }
    this.#messages.onPdv(contextId, control, bytes, fragmentEnds);
  }

  /** True while a message has begun and not ended. */
  get inMessage(): boolean {
    return this.#messages.inMessage;
  }

  /** True while the peer waits for us, not we for it. */
  get owesAnswer(): boolean {
    return this.#services.some((service) => service.owesAnswer);
  }

  /** Calls back once, when the peer has every answer that it waits for. */
  whenIdle(callback: () => void): void {
    let waiting = this.#services.length;
    for (const service of this.#services) {
      service.whenIdle(() => {
        if (--waiting === 0) callback();
      });
    }
  }

  /** The association is over. */
  close(): void {
    for (const service of this.#services) service.close();
  }

  #onCommand(contextId: number, command: CommandSet, hasDataSet: boolean): void {
    const context = this.#options.contexts.get(contextId);
    if (context === undefined) return;
    const service = this.#services.find((candidate) => candidate.takes(context, command));
    this.#receiver = hasDataSet ? service : undefined;
    if (service) service.onCommand(context, command, hasDataSet);
    else this.#refuse(contextId, command, hasDataSet);
  }

  /** An operation that this presentation context does not offer: its data set, if any, is read over. */
  #refuse(contextId: number, command: CommandSet, hasDataSet: boolean): void {
    const { association, onRefused } = this.#options;
    const refusal = refusalOf(command);
    const code = statusText(command.commandField);
    onRefused(code, refusal?.status);
    if (refusal) this.#send(contextId, refusal);
    // Nothing was asked of us. With a data set it is out of place altogether.
    else if (hasDataSet) association.protocolError(`unexpected message ${code}`, abortReason.notSpecified);
  }

  #send(contextId: number, command: CommandSet, dataSet?: Buffer): void {
    const { association, transport, pressure, peerMaximum, onSend } = this.#options;
    onSend();
    const parts = [encodePData(contextId, encodeCommandSet(command), 'command', peerMaximum)];
    if (dataSet !== undefined) parts.push(encodePData(contextId, dataSet, 'data-set', peerMaximum));
    if (association.sendPData(Buffer.concat(parts)) || pressure.has('answers')) return;
    pressure.hold('answers');
    transport.onDrain(() => pressure.letGo('answers'));
  }

  /**
   * The peer sent more requests than were negotiated. It is held back, not aborted: some senders do so out of habit, and
   * all that it costs us is the rest of one socket buffer. It is held at once, since even what has come already would open
   * more sinks than the window has.
   */
  #holdBack(): void {
    this.#options.pressure.hold('window');
    this.#options.association.hold();
  }

  #letGoOn(first: () => void): void {
    this.#options.guarded(() => {
      this.#options.pressure.letGo('window');
      first();
      this.#options.association.resume();
    });
  }
}
