/** An acceptor that grants what a test says, takes C-STORE requests, and answers each when and as the test says. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type CommandSet, commandField, encodeCommandSet, noDataSet } from '../../src/dicom/dimse/commandSet.ts';
import { MessageReader } from '../../src/dicom/dimse/messageReader.ts';
import { encodePData } from '../../src/dicom/dimse/pdvWriter.ts';
import { type AssociateRq, encodePdu } from '../../src/dicom/upperLayer/pdu.ts';
import { PduReader } from '../../src/dicom/upperLayer/pduReader.ts';

export type ScriptedRequest = {
  command: CommandSet;
  /** Of all associations, counted from 0. */
  association: number;
  /** Sends a C-STORE-RSP. */
  answer(status: number, changes?: Partial<CommandSet>): void;
  /** Sends A-ABORT and closes. */
  abort(): void;
};

export type ScriptedAcceptor = {
  port: number;
  requests: readonly AssociateRq[];
  /** C-STORE requests that have come whole, in order. */
  stores: readonly ScriptedRequest[];
  /** Associations that were released in order. */
  readonly released: number;
  /** Resolves when `condition` holds. */
  until(condition: () => boolean): Promise<void>;
  stop(): void;
};

export async function startScriptedAcceptor(options: {
  /** Operations that it grants; undefined: the item is left out. */
  window?: number;
  onStore?: (request: ScriptedRequest) => void;
}): Promise<ScriptedAcceptor> {
  const sockets = new Set<Socket>();
  const requests: AssociateRq[] = [];
  const stores: ScriptedRequest[] = [];
  let released = 0;
  let waiting: Array<() => void> = [];
  const changed = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };

  const accept = (rq: AssociateRq) =>
    encodePdu({
      type: 'associate-ac',
      calledAeTitle: rq.calledAeTitle,
      callingAeTitle: rq.callingAeTitle,
      contexts: rq.contexts.map(({ id, transferSyntaxes }) => ({
        id,
        result: 0,
        transferSyntax: transferSyntaxes[0] ?? '',
      })),
      userInformation: {
        maximumLength: 16384,
        implementationClassUid: '1.2',
        roleSelections: [],
        ...(options.window === undefined
          ? {}
          : { asynchronousOperationsWindow: { invoked: options.window, performed: 1 } }),
      },
    });

  const serve = (socket: Socket) => {
    let command: CommandSet | undefined;
    let context = 0;
    const association = requests.length;
    const messages = new MessageReader({
      onCommand: (id, value) => {
        context = id;
        command = value;
      },
      onDataSet: (_bytes, last) => {
        if (!last || command === undefined) return;
        const { messageId = 0, affectedSopClassUid = '', affectedSopInstanceUid = '' } = command;
        const answer: ScriptedRequest['answer'] = (status, changes = {}) => {
          const response = {
            commandField: commandField.cStoreRsp,
            messageIdBeingRespondedTo: messageId,
            commandDataSetType: noDataSet,
            affectedSopClassUid,
            affectedSopInstanceUid,
            status,
            ...changes,
          };
          socket.write(encodePData(context, encodeCommandSet(response), 'command', 16384));
        };
        const abort = () => void socket.end(encodePdu({ type: 'abort', source: 2, reason: 0 }));
        const request = { command, association, answer, abort };
        stores.push(request);
        options.onStore?.(request);
        changed();
      },
      onViolation: (message) => {
        throw new Error(message);
      },
    });
    const reader = new PduReader(
      { associatePduLength: 1 << 20, maximumLength: 16384 },
      {
        onPdu: (pdu) => {
          if (pdu.type === 'associate-rq') {
            requests.push(pdu);
            socket.write(accept(pdu));
          } else if (pdu.type === 'release-rq') {
            released++;
            socket.end(encodePdu({ type: 'release-rp' }));
          }
          changed();
        },
        onPData: () => {},
        onPdv: (...value) => messages.onPdv(...value),
      },
    );
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    stores,
    get released() {
      return released;
    },
    until: async (condition) => {
      while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    stop: () => {
      waiting = [];
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
