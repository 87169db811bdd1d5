/**
 * The Upper Layer protocol machine: PS3.8 table 9-10 as data, in the standard's own identifiers. Pure: an event and a
 * state give the action; the association (association.ts) carries the action's effects out.
 */

export type State =
  | 'Sta1' // idle
  | 'Sta2' // transport open, awaiting A-ASSOCIATE-RQ
  | 'Sta3' // awaiting the local user's answer to A-ASSOCIATE
  | 'Sta4' // awaiting the transport connection
  | 'Sta5' // awaiting A-ASSOCIATE-AC or -RJ
  | 'Sta6' // association established
  | 'Sta7' // awaiting A-RELEASE-RP
  | 'Sta8' // awaiting the local user's answer to A-RELEASE
  | 'Sta9' // release collision, requestor, awaiting the local user's answer
  | 'Sta10' // release collision, acceptor, awaiting A-RELEASE-RP
  | 'Sta11' // release collision, requestor, awaiting A-RELEASE-RP
  | 'Sta12' // release collision, acceptor, awaiting the local user's answer
  | 'Sta13'; // awaiting the transport's close

export type Event =
  | 'Evt1' // A-ASSOCIATE request primitive
  | 'Evt2' // transport connection confirmed
  | 'Evt3' // A-ASSOCIATE-AC received
  | 'Evt4' // A-ASSOCIATE-RJ received
  | 'Evt5' // transport connection indicated
  | 'Evt6' // A-ASSOCIATE-RQ received
  | 'Evt7' // A-ASSOCIATE response primitive, accept
  | 'Evt8' // A-ASSOCIATE response primitive, reject
  | 'Evt9' // P-DATA request primitive
  | 'Evt10' // P-DATA-TF received
  | 'Evt11' // A-RELEASE request primitive
  | 'Evt12' // A-RELEASE-RQ received
  | 'Evt13' // A-RELEASE-RP received
  | 'Evt14' // A-RELEASE response primitive
  | 'Evt15' // A-ABORT request primitive
  | 'Evt16' // A-ABORT received
  | 'Evt17' // transport connection closed
  | 'Evt18' // ARTIM timer expired
  | 'Evt19'; // unrecognised or invalid PDU received

export type Effect =
  | 'connect-transport'
  | 'send-associate-rq'
  | 'send-associate-ac'
  | 'send-associate-rj'
  | 'send-p-data'
  | 'send-release-rq'
  | 'send-release-rp'
  | 'send-abort-user'
  | 'send-abort-provider'
  | 'close-transport'
  | 'start-artim'
  | 'stop-artim'
  | 'indicate-associate'
  | 'confirm-accept'
  | 'confirm-reject'
  | 'indicate-p-data'
  | 'indicate-release'
  | 'confirm-release'
  | 'indicate-abort'
  | 'indicate-p-abort';

export type ActionName =
  | `AE-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`
  | `DT-${1 | 2}`
  | `AR-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 9 | 10}`
  | 'AR-8 requestor'
  | 'AR-8 acceptor'
  | `AA-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`;

export type Action = { effects: readonly Effect[]; next: State };

/** PS3.8 tables 9-6 to 9-9. */
export const actions: Readonly<Record<ActionName, Action>> = {
  'AE-1': { effects: ['connect-transport'], next: 'Sta4' },
  'AE-2': { effects: ['send-associate-rq'], next: 'Sta5' },
  'AE-3': { effects: ['confirm-accept'], next: 'Sta6' },
  'AE-4': { effects: ['confirm-reject', 'close-transport'], next: 'Sta1' },
  'AE-5': { effects: ['start-artim'], next: 'Sta2' },
  'AE-6': { effects: ['stop-artim', 'indicate-associate'], next: 'Sta3' },
  'AE-7': { effects: ['send-associate-ac'], next: 'Sta6' },
  'AE-8': { effects: ['send-associate-rj', 'start-artim'], next: 'Sta13' },
  'DT-1': { effects: ['send-p-data'], next: 'Sta6' },
  'DT-2': { effects: ['indicate-p-data'], next: 'Sta6' },
  'AR-1': { effects: ['send-release-rq'], next: 'Sta7' },
  'AR-2': { effects: ['indicate-release'], next: 'Sta8' },
  'AR-3': { effects: ['confirm-release', 'close-transport'], next: 'Sta1' },
  'AR-4': { effects: ['send-release-rp', 'start-artim'], next: 'Sta13' },
  'AR-5': { effects: ['stop-artim'], next: 'Sta1' },
  'AR-6': { effects: ['indicate-p-data'], next: 'Sta7' },
  'AR-7': { effects: ['send-p-data'], next: 'Sta8' },
  'AR-8 requestor': { effects: ['indicate-release'], next: 'Sta9' },
  'AR-8 acceptor': { effects: ['indicate-release'], next: 'Sta10' },
  'AR-9': { effects: ['send-release-rp'], next: 'Sta11' },
  'AR-10': { effects: ['confirm-release'], next: 'Sta12' },
  'AA-1': { effects: ['send-abort-user', 'start-artim'], next: 'Sta13' },
  'AA-2': { effects: ['stop-artim', 'close-transport'], next: 'Sta1' },
  'AA-3': { effects: ['indicate-abort', 'close-transport'], next: 'Sta1' },
  'AA-4': { effects: ['indicate-p-abort'], next: 'Sta1' },
  'AA-5': { effects: ['stop-artim'], next: 'Sta1' },
  'AA-6': { effects: [], next: 'Sta13' },
  'AA-7': { effects: ['send-abort-provider'], next: 'Sta13' },
  'AA-8': { effects: ['send-abort-provider', 'indicate-p-abort', 'start-artim'], next: 'Sta13' },
};

export type Role = 'requestor' | 'acceptor';
type Row = Partial<Record<State, ActionName | 'AR-8'>>;

/** The cells that an invalid or unexpected PDU shares in every state with an association (Sta3, Sta5 to Sta12). */
const unexpected: Row = {
  Sta3: 'AA-8',
  Sta5: 'AA-8',
  Sta6: 'AA-8',
  Sta7: 'AA-8',
  Sta8: 'AA-8',
  Sta9: 'AA-8',
  Sta10: 'AA-8',
  Sta11: 'AA-8',
  Sta12: 'AA-8',
};

/** The same cells filled with one action. */
const withAssociation = (action: ActionName): Row =>
  Object.fromEntries(Object.keys(unexpected).map((state) => [state, action])) as Row;

/** PS3.8 table 9-10. A cell that is not here is one the standard leaves empty: it cannot happen. */
export const transitions: Readonly<Record<Event, Row>> = {
  Evt1: { Sta1: 'AE-1' },
  Evt2: { Sta4: 'AE-2' },
  Evt3: { ...unexpected, Sta2: 'AA-1', Sta5: 'AE-3', Sta13: 'AA-6' },
  Evt4: { ...unexpected, Sta2: 'AA-1', Sta5: 'AE-4', Sta13: 'AA-6' },
  Evt5: { Sta1: 'AE-5' },
  Evt6: { ...unexpected, Sta2: 'AE-6', Sta13: 'AA-7' },
  Evt7: { Sta3: 'AE-7' },
  Evt8: { Sta3: 'AE-8' },
  Evt9: { Sta6: 'DT-1', Sta8: 'AR-7' },
  Evt10: { ...unexpected, Sta2: 'AA-1', Sta6: 'DT-2', Sta7: 'AR-6', Sta13: 'AA-6' },
  Evt11: { Sta6: 'AR-1' },
  Evt12: { ...unexpected, Sta2: 'AA-1', Sta6: 'AR-2', Sta7: 'AR-8', Sta13: 'AA-6' },
  Evt13: { ...unexpected, Sta2: 'AA-1', Sta7: 'AR-3', Sta10: 'AR-10', Sta11: 'AR-3', Sta13: 'AA-6' },
  Evt14: { Sta8: 'AR-4', Sta9: 'AR-9', Sta12: 'AR-4' },
  Evt15: { ...withAssociation('AA-1'), Sta4: 'AA-2' },
  Evt16: { ...withAssociation('AA-3'), Sta2: 'AA-2', Sta13: 'AA-2' },
  Evt17: { ...withAssociation('AA-4'), Sta2: 'AA-5', Sta4: 'AA-4', Sta13: 'AR-5' },
  Evt18: { Sta2: 'AA-2', Sta13: 'AA-2' },
  Evt19: { ...unexpected, Sta2: 'AA-1', Sta13: 'AA-7' },
};

/** The action for `event` in `state`, or undefined where table 9-10 has no cell. */
export function transition(state: State, event: Event, role: Role): Action | undefined {
  const cell = transitions[event][state];
  if (cell === undefined) return undefined;
  if (cell !== 'AR-8') return actions[cell];
  return actions[role === 'requestor' ? 'AR-8 requestor' : 'AR-8 acceptor'];
}
