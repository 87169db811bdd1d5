/**
 * PS3.8 tables 9-6 to 9-10, typed anew from the standard: not the table under test. A dot is a cell that the standard
 * leaves empty. The cell-by-cell test compares with it, and the fuzzer takes it for its model of an association.
 */
import type { Event, Role, State } from '../../src/dicom/upperLayer/stateMachine.ts';

export const states = [
  'Sta1',
  'Sta2',
  'Sta3',
  'Sta4',
  'Sta5',
  'Sta6',
  'Sta7',
  'Sta8',
  'Sta9',
  'Sta10',
  'Sta11',
  'Sta12',
  'Sta13',
] as const;

// biome-ignore format: a table
const table = `
  Evt1   AE-1  .     .     .     .     .     .     .     .     .     .     .     .
  Evt2   .     .     .     AE-2  .     .     .     .     .     .     .     .     .
  Evt3   .     AA-1  AA-8  .     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt4   .     AA-1  AA-8  .     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt5   AE-5  .     .     .     .     .     .     .     .     .     .     .     .
  Evt6   .     AE-6  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
  Evt7   .     .     AE-7  .     .     .     .     .     .     .     .     .     .
  Evt8   .     .     AE-8  .     .     .     .     .     .     .     .     .     .
  Evt9   .     .     .     .     .     DT-1  .     AR-7  .     .     .     .     .
  Evt10  .     AA-1  AA-8  .     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt11  .     .     .     .     .     AR-1  .     .     .     .     .     .     .
  Evt12  .     AA-1  AA-8  .     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt13  .     AA-1  AA-8  .     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10 AR-3  AA-8  AA-6
  Evt14  .     .     .     .     .     .     .     AR-4  AR-9  .     .     AR-4  .
  Evt15  .     .     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  .
  Evt16  .     AA-2  AA-3  .     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-2
  Evt17  .     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AR-5
  Evt18  .     AA-2  .     .     .     .     .     .     .     .     .     .     AA-2
  Evt19  .     AA-1  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
`;

/** What each action does, and the state it leads to. */
// biome-ignore format: a table
const actions: Record<string, [effects: string[], next: State]> = {
  'AE-1': [['connect-transport'], 'Sta4'],
  'AE-2': [['send-associate-rq'], 'Sta5'],
  'AE-3': [['confirm-accept'], 'Sta6'],
  'AE-4': [['confirm-reject', 'close-transport'], 'Sta1'],
  'AE-5': [['start-artim'], 'Sta2'],
  'AE-6': [['stop-artim', 'indicate-associate'], 'Sta3'],
  'AE-7': [['send-associate-ac'], 'Sta6'],
  'AE-8': [['send-associate-rj', 'start-artim'], 'Sta13'],
  'DT-1': [['send-p-data'], 'Sta6'],
  'DT-2': [['indicate-p-data'], 'Sta6'],
  'AR-1': [['send-release-rq'], 'Sta7'],
  'AR-2': [['indicate-release'], 'Sta8'],
  'AR-3': [['confirm-release', 'close-transport'], 'Sta1'],
  'AR-4': [['send-release-rp', 'start-artim'], 'Sta13'],
  'AR-5': [['stop-artim'], 'Sta1'],
  'AR-6': [['indicate-p-data'], 'Sta7'],
  'AR-7': [['send-p-data'], 'Sta8'],
  'AR-8 requestor': [['indicate-release'], 'Sta9'],
  'AR-8 acceptor': [['indicate-release'], 'Sta10'],
  'AR-9': [['send-release-rp'], 'Sta11'],
  'AR-10': [['confirm-release'], 'Sta12'],
  'AA-1': [['send-abort-user', 'start-artim'], 'Sta13'],
  'AA-2': [['stop-artim', 'close-transport'], 'Sta1'],
  'AA-3': [['indicate-abort', 'close-transport'], 'Sta1'],
  'AA-4': [['indicate-p-abort'], 'Sta1'],
  'AA-5': [['stop-artim'], 'Sta1'],
  'AA-6': [[], 'Sta13'],
  'AA-7': [['send-abort-provider'], 'Sta13'],
  'AA-8': [['send-abort-provider', 'indicate-p-abort', 'start-artim'], 'Sta13'],
};

export const cells = table
  .trim()
  .split('\n')
  .flatMap((line) => {
    const [event, ...row] = line.trim().split(/\s+/);
    return states.map((state, i) => ({ event: event as Event, state, action: row[i] ?? '?' }));
  });

/** What the standard wants for `event` in `state`; undefined for an empty cell. */
export function standardAction(state: State, event: Event, role: Role): [effects: string[], next: State] | undefined {
  const name = byCell.get(`${event} ${state}`) ?? '.';
  if (name === '.') return undefined;
  const action = actions[name === 'AR-8' ? `AR-8 ${role}` : name];
  if (action === undefined) throw new Error(`the standard has no action ${name}`);
  return action;
}

const byCell = new Map(cells.map(({ event, state, action }) => [`${event} ${state}`, action]));
