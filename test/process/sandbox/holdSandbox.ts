/** A gateway with a run under way, for killed.test.ts to kill: prints its folder, then runs a program with a daemon until it is ended. */
import { openBench } from './bench.ts';

const bench = await openBench();
process.stdout.write(`${bench.root}\n`);
const stubborn = `trap "" TERM HUP INT; while :; do sleep 1; done # ${process.argv[2]}`;
await bench.shell(`setsid sh -c '${stubborn}' & sh -c '${stubborn}'`, { limits: { wall: 600_000 } });
