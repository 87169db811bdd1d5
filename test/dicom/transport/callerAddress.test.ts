/** The address of a caller as everybody else gets it: log, policy, observers. */
import { afterEach, expect, it } from 'vitest';
import { type Caller, rejection } from '../../../src/dicom/services/access.ts';
import { plainAddress } from '../../../src/dicom/transport/plainAddress.ts';
import { startListener } from '../../support/dicomListener.ts';
import { MemoryIntake } from '../../support/memoryIntake.ts';
import { associateRq, RawPeer } from '../../support/rawPeer.ts';

const cleanUp: Array<() => void | Promise<void>> = [];
afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done();
});

it('an IPv4 caller of a listener on :: is known by its IPv4 address, in the log, too', async () => {
  const callers: Caller[] = [];
  const admit = (_request: unknown, caller: Caller) => {
    callers.push(caller);
    return { admitted: false, rejection: rejection.noReason, why: 'nobody is', hint: '' } as const;
  };
  const limits = { artimMs: 300 };
  const running = await startListener({ intake: new MemoryIntake(), host: '::', limits, access: { admit } });
  cleanUp.push(() => running.stop());
  const [peer, silent] = [await RawPeer.connect(running.port), await RawPeer.connect(running.port)];
  cleanUp.push(
    () => peer.destroy(),
    () => silent.destroy(),
  );
  peer.send(associateRq());
  expect(await peer.answer()).toBe('RJ 1/1/1');
  expect(callers.map(({ address }) => address)).toEqual(['127.0.0.1']);
  expect(await running.logged('association.rejected')).toMatchObject({ address: '127.0.0.1' });
  expect(await running.logged('listener.no-request')).toMatchObject({ address: '127.0.0.1' });
  // The rejected peer may run into ARTIM as well: it does not close.
  expect(new Set(running.limitCallers.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
});

it.each([
  ['::ffff:10.1.2.9', '10.1.2.9'],
  ['10.1.2.9', '10.1.2.9'],
  ['fd00:1::7', 'fd00:1::7'],
  ['::ffff:1', '::ffff:1'],
  ['unknown', 'unknown'],
])('%s is %s', (address, plain) => {
  expect(plainAddress(address)).toBe(plain);
});
