import { expect, it } from 'vitest';
import { ConnectionGate } from '../../../src/dicom/transport/connectionGate.ts';

it('no timer runs while nothing is pending: a gateway that has stopped ends', () => {
  const running = new Set<() => void>();
  const gate = new ConnectionGate({
    limits: { connections: 4, pendingConnections: 1 },
    monotonic: () => 0,
    timers: {
      after: (_ms, run) => {
        running.add(run);
        return () => void running.delete(run);
      },
    },
  });
  const enter = () => gate.enter({ onShed: () => {}, destroy: () => {} }, 30_000);
  const first = enter();
  expect(running.size).toBe(1);
  first?.admitted();
  expect(running.size).toBe(0);
  const second = enter();
  expect(running.size).toBe(1);
  second?.left();
  expect(running.size).toBe(0);
});
