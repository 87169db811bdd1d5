/** Makes a failing case as small as it gets while it fails in the same way. */
import { type FuzzCase, type Step, sizeOf } from './fuzzCase.ts';

const maxRuns = 1500;

export async function minimise(failing: FuzzCase, fails: (candidate: FuzzCase) => Promise<boolean>): Promise<FuzzCase> {
  let best = failing;
  let runs = 0;
  const attempt = async (candidate: FuzzCase): Promise<boolean> => {
    if (runs >= maxRuns) return false;
    runs++;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  const withSteps = (steps: Step[]) => ({ seed: best.seed, steps });

  for (let before = -1; before !== best.steps.length * 1e9 + sizeOf(best) && runs < maxRuns; ) {
    before = best.steps.length * 1e9 + sizeOf(best);
    for (let at = best.steps.length - 1; at >= 0; at--) {
      await attempt(withSteps(best.steps.filter((_, i) => i !== at)));
    }
    for (let at = 0; at < best.steps.length; at++) {
      for (let size = best.steps[at]?.data.length ?? 0; size >= 1; size = Math.floor(size / 2)) {
        for (let from = 0; from < (best.steps[at]?.data.length ?? 0); ) {
          const { op, data } = best.steps[at] as Step;
          const shorter = Buffer.concat([data.subarray(0, from), data.subarray(from + size)]);
          const steps = best.steps.map((step, i) => (i === at ? { op, data: shorter } : step));
          if (!(await attempt(withSteps(steps)))) from += size;
        }
      }
    }
  }
  return best;
}
