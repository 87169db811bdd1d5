import { readFileSync } from 'node:fs';

/**
 * When a process of this number began, in clock ticks since boot; it tells a reused number from the same process. undefined:
 * there is none. One that is dead and only waits for its parent to notice (Z, X) holds nothing any more.
 */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
