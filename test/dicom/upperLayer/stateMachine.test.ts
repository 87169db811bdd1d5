/**
 * The protocol machine against PS3.8 table 9-10, typed anew in test/support/protocolMachine.ts: every one of the 13 x 19
 * cells in both roles, the empty ones included. The last test counts what was compared: a cell left out is a failure.
 */
import { describe, expect, it } from 'vitest';
import { actions, type Role, transition, transitions } from '../../../src/dicom/upperLayer/stateMachine.ts';
import { cells, standardAction, states } from '../../support/protocolMachine.ts';

const roles = ['acceptor', 'requestor'] as const satisfies Role[];
const events = Array.from({ length: 19 }, (_, i) => `Evt${i + 1}`);

describe('upper layer protocol machine, cell by cell (PS3.8 table 9-10)', () => {
  const compared = new Map<Role, Set<string>>(roles.map((role) => [role, new Set()]));

  for (const role of roles) {
    it.each(cells)(`${role}: $event in $state is $action`, ({ event, state, action }) => {
      const got = transition(state, event, role);
      const expected = action === '.' ? undefined : standardAction(state, event, role);
      if (action !== '.') expect(expected).toBeDefined();
      expect(got && [got.effects, got.next]).toEqual(expected);
      compared.get(role)?.add(`${event} ${state}`);
    });
  }

  it.each(roles)('%s: 247 cells were compared, 19 events in each of 13 states', (role) => {
    const all = events.flatMap((event) => states.map((state) => `${event} ${state}`));
    expect(all).toHaveLength(19 * 13);
    expect([...(compared.get(role) ?? [])].sort()).toEqual(all.sort());
  });

  it('has no event, state or action that the standard does not have', () => {
    expect(Object.keys(transitions).sort()).toEqual([...events].sort());
    const used = Object.values(transitions).flatMap((row) => Object.keys(row));
    expect(used.filter((state) => !(states as readonly string[]).includes(state))).toEqual([]);
    const reached = new Set(
      roles
        .flatMap((role) => cells.map(({ event, state }) => transition(state, event, role)))
        .filter((a) => a !== undefined),
    );
    expect(Object.entries(actions).filter(([, action]) => !reached.has(action))).toEqual([]);
  });

  it('fills as many cells as the standard does', () => {
    const filled = cells.filter(({ action }) => action !== '.').length;
    const ours = Object.values(transitions).reduce((sum, row) => sum + Object.keys(row).length, 0);
    expect(ours).toBe(filled);
  });
});
