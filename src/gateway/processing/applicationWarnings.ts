/** Raises and clears the warnings about split applications. */
import { formatShare } from '../../web/format.ts';
import { unusableRoutes } from '../applications/routeFindings.ts';
import type { StatusParts } from '../statusSource.ts';
import { applicationStatuses } from './applicationStatus.ts';

export function lookAtApplications(watched: Pick<StatusParts, 'config' | 'spool' | 'processing' | 'health'>): void {
  const { processing, health } = watched;
  const { engine, sandbox, infections, applications } = processing;
  for (const { application, version, tasks, lastRun, promisedRatio = 0, waitsFor } of applicationStatuses(watched)) {
    const name = `${application}@${version}`;
    health.set(tasks.quarantined > 0, 'app.quarantined', { count: tasks.quarantined, application: name }, name);
    const { study = '', bytesIn = 0, bytesOut = 0 } = lastRun ?? {};
    const shares = { percent: formatShare(bytesOut / Math.max(1, bytesIn)), promised: formatShare(promisedRatio) };
    const broken = lastRun?.promiseKept === false;
    health.set(broken, 'app.promise-broken', { application: name, study, ...shares }, name);
    const { message = '', hint = '' } = waitsFor ?? {};
    health.set(waitsFor !== undefined, 'app.waits', { application: name, message, hint }, name);
  }
  health.set(engine.refusal !== undefined, 'app.results-full', { reason: engine.refusal ?? '' });
  const { problem } = sandbox;
  health.set(problem !== undefined, 'sandbox.unavailable', { reason: problem?.error.message ?? '' });
  const [first] = applications.problems;
  const problems = applications.problems.length;
  health.set(first !== undefined, 'app.manifest-unusable', {
    problems,
    first: `${first?.file}:${first?.line}: ${first?.message}`,
  });
  const unusable = unusableRoutes(watched.config.routes, applications);
  health.set(unusable.length > 0, 'app.route-unusable', {
    routes: unusable.map(({ route }) => route).join(', '),
    reason: unusable[0]?.reason ?? '',
  });
  const { application = '', sopInstanceUid = '', finding = '' } = infections.last ?? {};
  const { count } = infections;
  health.set(count > 0, 'security.malware', { count, application, sopInstanceUid, finding });
}
