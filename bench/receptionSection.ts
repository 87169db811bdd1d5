import type { CreateReceiver } from './receiver.ts';
import { createGateway } from './receivers/gateway.ts';
import { createOrthanc } from './receivers/orthanc.ts';
import { createSink } from './receivers/sink.ts';
import { createStorescpFork, createStorescpOneProcess } from './receivers/storescp.ts';
import { measureReception } from './reception.ts';
import { receptionPlan } from './receptionPlan.ts';
import { receptionSummary, receptionTables } from './receptionReport.ts';
import type { Section } from './section.ts';

/** 128 MiB each: enough for the rounds of one case, of which CR and US are the largest. */
const segments = { quick: 8, full: 24 };

const receivers = (quick: boolean): Record<string, CreateReceiver> => ({
  gateway: (setting) => createGateway(setting, {}, quick ? segments.quick : segments.full),
  'storescp --fork': createStorescpFork,
  'storescp one process': createStorescpOneProcess,
  Orthanc: createOrthanc,
  'null sink': createSink,
});

/** With the other sections after it, a quick bench has to stay under five minutes, on a busy machine too. */
const quickSeconds = 130;

export const benchReception: Section = async ({ quick, storage, pki, say }) => {
  const deadline = quick ? performance.now() + quickSeconds * 1000 : Number.POSITIVE_INFINITY;
  const result = await measureReception({
    cases: receptionPlan(quick),
    receivers: receivers(quick),
    storage,
    pki,
    deadline,
    say,
  });
  say(`\n${receptionTables(result)}\n`);
  say(
    `TLS: ${result.tlsUsed.join(', ') || 'not measured'}; mutual authentication; at most 131072 bytes a PDU; TCP_NODELAY.`,
  );
  say(
    'Time runs from the first connect to the last response; gateway/this is the median over rounds of both in one round.',
  );
  say('Sender CPU is its share of one core. RSS adds up all processes of a receiver, each at its own peak.\n');
  return { summary: receptionSummary(result), couldNotRun: result.couldNotRun };
};
