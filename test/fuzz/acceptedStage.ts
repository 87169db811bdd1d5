/** A whole accepted association with everything around it in the test's hands: transport, timers, clock, intake, log. */
import { createMemoryLog } from '../../src/base/log.ts';
import { MessageReader } from '../../src/dicom/dimse/messageReader.ts';
import { AcceptedAssociation, type AssociationObserver } from '../../src/dicom/services/acceptedAssociation.ts';
import { StorageCommitmentService } from '../../src/dicom/services/storageCommitment.ts';
import { uid } from '../../src/dicom/uids.ts';
import type { Transport } from '../../src/dicom/upperLayer/association.ts';
import { defaultNegotiationPolicy } from '../../src/dicom/upperLayer/negotiation.ts';
import { PduReader } from '../../src/dicom/upperLayer/pduReader.ts';
import { defaultLimits } from '../support/dicomListener.ts';
import { secretPatient } from './generate.ts';
import { RecordingDesk } from './recordingDesk.ts';
import { RecordingIntake } from './recordingIntake.ts';
import { hold } from './target.ts';

export const limits = {
  ...defaultLimits,
  maxPduLength: 2048,
  presentationContexts: 8,
  associateRequestBytes: 4096,
  instanceBytes: 3000,
  associationBytes: 20_000,
  artimMs: 5000,
  idleMs: 60_000,
};

export class AcceptedStage {
  readonly intake = new RecordingIntake();
  readonly desk = new RecordingDesk();
  readonly timers = new Set<() => void>();
  readonly association: AcceptedAssociation;
  /** What the peer sees: 'associate-ac', 'abort 2/6', 'status 0 to 5', ... */
  readonly answers: string[] = [];
  readonly lines: ReturnType<typeof createMemoryLog>['lines'];
  now = 0;
  /** False while the peer reads nothing. */
  reading = true;
  paused = false;
  ended = false;
  closes = 0;
  results = 0;
  #drained: Array<() => void> = [];

  /** `operationsWindow`: how many C-STOREs we let be under way at a time. */
  constructor(operationsWindow: number) {
    const { log, lines } = createMemoryLog();
    this.lines = lines;
    const messages = new MessageReader({
      onCommand: (_id, command) => {
        if (command.status === undefined) return void this.answers.push(`request ${command.commandField}`);
        this.answers.push(
          `status ${command.status?.toString(16)} to ${command.messageIdBeingRespondedTo} by ${command.commandField}`,
        );
      },
      onDataSet: () => {},
      onViolation: (message) => hold(false, `what is sent is DIMSE: ${message}`),
    });
    const peer = new PduReader(
      { associatePduLength: 1 << 20, maximumLength: 1 << 20 },
      {
        onPdu: (pdu) => void this.answers.push(pdu.type === 'abort' ? `abort ${pdu.source}/${pdu.reason}` : pdu.type),
        onPData: () => {},
        onPdv: (id, control, bytes, ends) => messages.onPdv(id, control, bytes, ends),
      },
    );
    const transport: Transport = {
      write: (bytes) => {
        hold(this.closes === 0, 'nothing is written after the end');
        hold(!this.ended, 'nothing is written after the transport was told to end');
        peer.push(Buffer.from(bytes));
        return this.reading;
      },
      onDrain: (callback) => void this.#drained.push(callback),
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
      },
      end: () => {
        this.ended = true;
      },
      destroy: () => {
        this.ended = true;
      },
    };
    this.association = new AcceptedAssociation(transport, {
      caller: { address: '127.0.0.1', port: 1, listener: 'fuzz' },
      limits: { ...limits, operationsWindow },
      access: { admit: () => ({ admitted: true }) },
      negotiation: {
        ...defaultNegotiationPolicy,
        accepts: (syntax) => syntax === uid.storageCommitmentPushModel || defaultNegotiationPolicy.accepts(syntax),
      },
      services: (served) => [new StorageCommitmentService({ ...served, desk: this.desk })],
      intake: this.intake,
      observer: this.#observer(),
      timers: {
        after: (_ms, callback) => {
          this.timers.add(callback);
          return () => this.timers.delete(callback);
        },
      },
      monotonic: () => this.now,
      log,
    });
  }

  /** Whatever else observers are told, now or later, is of no interest here. */
  #observer(): AssociationObserver {
    const known: Partial<AssociationObserver> = {
      onClosed: () => void this.closes++,
      onInstance: () => void this.results++,
    };
    return new Proxy(known as AssociationObserver, {
      get: (target, name) => Reflect.get(target, name) ?? (() => {}),
    });
  }

  drain(): void {
    this.reading = true;
    for (const callback of this.#drained.splice(0)) callback();
  }

  expire(): void {
    const [timer] = this.timers;
    if (timer) this.timers.delete(timer);
    timer?.();
  }

  /** Everything that was said: nothing that a terminal obeys, and nobody's name. */
  checkLog(): void {
    for (const line of this.lines) {
      const text = Object.values({ ...line, stack: '' }).join(' ');
      hold(!/[^\x20-\x7e]/.test(text), 'log lines are printable');
      hold(!text.includes(secretPatient), 'no patient data in the log');
      hold(line.event !== 'association.fault' || text.includes('the intake breaks'), `no fault of ours: ${line.msg}`);
    }
  }
}
