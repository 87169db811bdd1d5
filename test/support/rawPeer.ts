/** A peer that sends whatever bytes a test wants, in whatever order, and reads PDUs as they come. */
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type CommandSet, commandField, decodeCommandSet, encodeCommandSet } from '../../src/dicom/dimse/commandSet.ts';
import { encodePData } from '../../src/dicom/dimse/pdvWriter.ts';
import { uid } from '../../src/dicom/uids.ts';
import { type AssociateRq, decodePdu, encodePdu, type Pdu } from '../../src/dicom/upperLayer/pdu.ts';
import { secondaryCapture } from './dataSets.ts';

export type RawPdu = { type: number; body: Buffer };

export class RawPeer {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  static async connect(port: number, tls?: ConnectionOptions): Promise<RawPeer> {
    const socket = tls
      ? connectTls({ host: '127.0.0.1', port, ...tls })
      : connectTcp({ host: '127.0.0.1', port, noDelay: true });
    await new Promise((resolve, reject) => {
      socket.once(tls ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return new RawPeer(socket);
  }

  send(...parts: Array<Buffer | Pdu>): void {
    for (const part of parts) this.socket.write(Buffer.isBuffer(part) ? part : encodePdu(part));
  }

  /** The next PDU, or 'closed' when the connection ends before one is whole. */
  async next(): Promise<RawPdu | 'closed'> {
    for (;;) {
      if (this.#received.length >= 6) {
        const end = 6 + this.#received.readUInt32BE(2);
        if (this.#received.length >= end) {
          const pdu = { type: this.#received.readUInt8(0), body: this.#received.subarray(6, end) };
          this.#received = this.#received.subarray(end);
          return pdu;
        }
      }
      if (this.#ended) return 'closed';
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next PDU in short: 'AC', 'RJ 1/1/3', 'ABORT 2/6', 'RELEASE-RP', 'status 0000', 'closed', ... */
  async answer(): Promise<string> {
    const pdu = await this.next();
    if (pdu === 'closed') return 'closed';
    if (pdu.type === 4) {
      const { status, messageIdBeingRespondedTo } = commandOf(pdu);
      return `status ${(status ?? -1).toString(16).padStart(4, '0')} to ${messageIdBeingRespondedTo}`;
    }
    const value = decodePdu(pdu.type, pdu.body);
    switch (value.type) {
      case 'associate-rj':
        return `RJ ${value.result}/${value.source}/${value.reason}`;
      case 'abort':
        return `ABORT ${value.source}/${value.reason}`;
      default:
        return { 'associate-ac': 'AC', 'associate-rq': 'RQ', 'release-rq': 'RELEASE-RQ', 'release-rp': 'RELEASE-RP' }[
          value.type
        ];
    }
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** The command in a P-DATA-TF of one value. */
export const commandOf = (pdu: RawPdu): CommandSet => decodeCommandSet(pdu.body.subarray(6));

export const verificationContext = {
  id: 1,
  abstractSyntax: uid.verification,
  transferSyntaxes: [uid.implicitVrLittleEndian],
};
export const storageContext = {
  id: 3,
  abstractSyntax: secondaryCapture,
  transferSyntaxes: [uid.explicitVrLittleEndian],
};

export function associateRq(changes: Partial<AssociateRq> = {}): AssociateRq {
  return {
    type: 'associate-rq',
    protocolVersion: 1,
    calledAeTitle: 'GATEWAY',
    callingAeTitle: 'RAWPEER',
    applicationContext: uid.applicationContext,
    contexts: [verificationContext, storageContext],
    userInformation: { maximumLength: 16384, implementationClassUid: '1.2.3', roleSelections: [] },
    ...changes,
  };
}

export function echoRq(messageId = 1, contextId = verificationContext.id): Buffer {
  const command = encodeCommandSet({
    commandField: commandField.cEchoRq,
    messageId,
    affectedSopClassUid: uid.verification,
    commandDataSetType: 0x0101,
  });
  return encodePData(contextId, command, 'command', 16384);
}

export function storeCommand(changes: Partial<CommandSet> = {}, contextId = storageContext.id): Buffer {
  const command = encodeCommandSet({
    commandField: commandField.cStoreRq,
    messageId: 1,
    priority: 0,
    affectedSopClassUid: secondaryCapture,
    affectedSopInstanceUid: '1.2.3.4.5',
    commandDataSetType: 0,
    ...changes,
  });
  return encodePData(contextId, command, 'command', 16384);
}

export const dataPdus = (dataSet: Buffer, contextId = storageContext.id, maximum = 16384): Buffer =>
  encodePData(contextId, dataSet, 'data-set', maximum);
