/** A gateway that was started with more descriptors than it knows of: says what a program in its sandbox finds open. */
import { emptyResult, openBench } from './bench.ts';

const bench = await openBench();
const ran = await bench.shell(`echo descriptors $(ls /proc/self/fd | head -n -1) end; ${emptyResult}; exit 9`);
process.stdout.write(ran.words);
await bench.close();
