/**
 * What the split application saves and costs: bytes and seconds on an uplink of 20 Mbit/s, images a second beside others'
 * programs, and what processing in the background takes from reception.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram } from '../test/support/programs.ts';
import type { Section } from './section.ts';
import { measureCodecImages } from './split/codecImages.ts';
import { measureDeidentifying } from './split/deidentifying.ts';
import { measureBeside } from './split/receptionBeside.ts';
import { besideTable, codecTable, deidentifyingTable, savingTable, splitSummary } from './split/report.ts';
import { measureRuns } from './split/runs.ts';
import { studyPlan } from './split/studies.ts';

const remarks = `Seconds on 20 Mbit/s: bytes x 8 / 20,000,000, of the study as it is and of all that would be delivered; nothing else is in them.
Processing is the engine's run over files, as \`app run\` does it: first reads, steps, data part in its sandbox, conformance gate.
De-identified: the gateway checks the digest of each input, cleans it, hashes the result and has the gate look through all of it,
in a process that is warm; gdcmanon and dcmodify are started once for all files. Core's time is what a program took of its
core, whatever else the machine did; the gateway's thread runs at the lowest priority, which is why its figure by the clock suffers first.
Compression: ours decodes every frame again and compares it, dcmcjpls does not; what starting dcmcjpls takes is taken off.
Background: a study that the gateway de-identifies while the load comes; the same gateway and load without it, in turns.
`;

export const benchSplit: Section = async (setting) => {
  const { quick, storage, say } = setting;
  const directory = join(storage.directory, 'split');
  mkdirSync(directory, { recursive: true });
  const within = (seconds: number) => (quick ? performance.now() + seconds * 1000 : Number.POSITIVE_INFINITY);
  const runs = await measureRuns({ studies: studyPlan(quick), directory, deadline: within(80), say });
  say(`\n${savingTable(runs.rows)}\n`);
  const rounds = quick ? 3 : 5;
  const deidentifying = await measureDeidentifying({
    ...{ directory, rounds, say, slices: quick ? 100 : 200 },
    deadline: within(20),
  });
  say(`\n${deidentifyingTable(deidentifying)}\n`);
  say('split: lossless compression by kind of image …');
  const codecs = await measureCodecImages({ quick });
  say(`\n${codecTable(codecs)}\n`);
  const load = quick ? { count: 600, backlog: 900 } : { count: 2500, backlog: 4000 };
  const beside = await measureBeside({ ...setting, ...load, rounds, deadline: within(30) });
  say(`\n${besideTable(beside)}\n`);
  say(remarks);
  const couldNotRun = [runs, deidentifying, beside].map((measured) => measured.couldNotRun);
  if (!hasProgram('dcmcjpls')) couldNotRun.push({ dcmcjpls: 'it is not here (package dcmtk)' });
  return {
    summary: splitSummary({ rows: runs.rows, deidentifying, codecs, beside }),
    couldNotRun: Object.assign({}, ...couldNotRun),
  };
};
