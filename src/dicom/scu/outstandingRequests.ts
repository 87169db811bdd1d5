/** Requests of ours that are not answered yet, by Message ID; answers may come in any order (PS3.7 D.3.3.3). */
import type { GatewayError } from '../../base/errors.ts';
import type { CommandSet } from '../dimse/commandSet.ts';

type Waiting = {
  resolve(response: CommandSet): void;
  reject(error: GatewayError): void;
  timer: NodeJS.Timeout | undefined;
};

export type OutstandingOptions = {
  /** How long the answer to a request that was sent whole may take. */
  responseMs: number;
  /** Makes the error of a request that was not answered in time. */
  unanswered(): GatewayError;
  /** A request was not answered in time, and no other is outstanding: nothing more is to be expected of the peer. */
  onGivenUp(error: GatewayError): void;
};

export class OutstandingRequests {
  readonly #options: OutstandingOptions;
  readonly #waiting = new Map<number, Waiting>();
  /** Requests whose answer has not come in time: it may still come, and is not looked at. */
  readonly #late = new Set<number>();
  /** The first request that was given up, in words. */
  #givenUp: GatewayError | undefined;
  #idle: Array<() => void> = [];

  constructor(options: OutstandingOptions) {
    this.#options = options;
  }

  /** Why no further request should be made: one was not answered in time. Those that are outstanding may still be. */
  get givenUp(): GatewayError | undefined {
    return this.#givenUp;
  }

  has(messageId: number): boolean {
    return this.#waiting.has(messageId) || this.#late.has(messageId);
  }

  /** A request is about to be sent. The result rejects with what ends the wait; nobody has to look at it. */
  expect(messageId: number): Promise<CommandSet> {
    if (this.has(messageId)) throw new Error(`message ${messageId} is outstanding already`);
    const { promise, resolve, reject } = Promise.withResolvers<CommandSet>();
    promise.catch(() => {});
    this.#waiting.set(messageId, { resolve, reject, timer: undefined });
    return promise;
  }

  /** It was sent whole: from now on its answer may take `responseMs`. */
  sent(messageId: number): void {
    const waiting = this.#waiting.get(messageId);
    if (waiting === undefined) return; // some peers answer before the end
    waiting.timer = setTimeout(() => this.#giveUp(messageId, waiting), this.#options.responseMs);
  }

  /** False: no such request is outstanding. */
  answered(response: CommandSet): boolean {
    const messageId = response.messageIdBeingRespondedTo ?? -1;
    if (this.#late.delete(messageId)) return true;
    const waiting = this.#waiting.get(messageId);
    if (waiting === undefined) return false;
    this.#settle(messageId, waiting);
    waiting.resolve(response);
    return true;
  }

  /** The association is over. */
  fail(error: GatewayError): void {
    for (const [messageId, waiting] of [...this.#waiting]) {
      this.#settle(messageId, waiting);
      waiting.reject(error);
    }
  }

  /** Resolves when nothing is outstanding. */
  async idle(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #giveUp(messageId: number, waiting: Waiting): void {
    const error = this.#options.unanswered();
    this.#givenUp ??= error;
    this.#late.add(messageId);
    this.#settle(messageId, waiting);
    waiting.reject(error);
  }

  #settle(messageId: number, { timer }: Waiting): void {
    clearTimeout(timer);
    this.#waiting.delete(messageId);
    if (this.#waiting.size > 0) return;
    if (this.#givenUp) this.#options.onGivenUp(this.#givenUp);
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
