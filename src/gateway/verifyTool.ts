/** What `medusa-gateway verify` does: the site's own ledger against what the store really holds. */
import { existsSync } from 'node:fs';
import { GatewayError } from '../base/errors.ts';
import { ledgerLines } from '../delivery/ledgerReader.ts';
import type { ChainProblem } from '../delivery/receiptChain.ts';
import { loadSigningKey } from '../delivery/signingKey.ts';
import type { StoreConfiguration } from '../delivery/store/objectStore.ts';
import { openStore } from '../delivery/store/openStore.ts';
import { verifyStore as verify } from '../delivery/verify.ts';
import { SpoolReader } from '../spool/spoolReader.ts';
import type { VerifyReport } from './cli/dependencies.ts';
import type { Configuration } from './config/configuration.ts';
import { statePaths } from './statePaths.ts';

/** Reads everything that the receipts name, and compares with what the site itself knows. */
export async function verifyStore(
  config: Configuration,
  configuration: StoreConfiguration,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const paths = statePaths(config.stateDirectory);
  if (!existsSync(paths.signingKey)) {
    throw new GatewayError('this site has no receipts yet', {
      code: 'verify.no-receipts',
      operation: 'verify',
      subject: config.stateDirectory,
      hint: 'is stateDirectory right? The key and the ledger are made when the gateway first runs',
    });
  }
  const { publicKey } = loadSigningKey(paths.signingKey);
  const store = openStore(configuration, { stateDirectory: paths.courier });
  try {
    const report = await verify({
      store,
      site: config.site,
      publicKey,
      receipts: ledgerLines(paths.receipts),
      manifests: 'required',
      signal,
    });
    const unproven = [...report.missing, ...report.corrupt, ...report.unreadable];
    return {
      store: configuration.name,
      receipts: report.objects,
      verified: report.verified,
      bytes: report.bytes,
      missing: unproven.map(({ key, reason }) => ({ key, reason })),
      faults: [
        ...report.chain.problems.map(describeProblem),
        ...(report.storedChain?.problems.map((problem) => `in the store: ${describeProblem(problem)}`) ?? []),
        ...report.manifests.bad.map(({ key, reason }) => `${key}: ${reason}`),
        ...againstIndex(paths.spool, configuration.name, report),
      ],
    };
  } finally {
    await store.close();
  }
}

type StoreReport = Awaited<ReturnType<typeof verify>>;

/**
 * What only the site can know: how far its receipts had come, which studies are complete, whether anything is under way.
 * Without an index (it can be rebuilt) everything that is missing counts.
 */
function againstIndex(spoolDirectory: string, store: string, report: StoreReport): string[] {
  const faults: string[] = [];
  const last = report.chain.end.seq;
  const stored = report.storedChain?.end.seq ?? 0;
  if (stored > last)
    faults.push(`the store holds receipts up to number ${stored}, the ledger ends at ${last}: it was cut`);
  const reader = openReader(spoolDirectory);
  try {
    const indexed = reader?.index.getMeta('receipts-indexed') ?? 0;
    if (indexed > last) faults.push(`receipt ${indexed} was written, the ledger ends at ${last}: it was lost or cut`);
    const isComplete = (key: string) => reader?.index.isComplete(studyOfManifest(key), store) ?? true;
    const absent = report.manifests.missing.filter(isComplete);
    faults.push(...absent.map((key) => `${key}: the manifest of a complete study is not there`));
    const outdated = report.manifests.outdated.filter(({ key }) => isComplete(key));
    faults.push(...outdated.map(({ key }) => `${key}: the manifest is older than the study`));
    const underWay = reader?.index.hasWork(store) ?? false;
    if (!underWay && report.unexpected.length > 0) {
      const [first = ''] = report.unexpected;
      faults.push(`${report.unexpected.length} objects that no receipt explains, such as ${first}`);
    }
    return faults;
  } finally {
    reader?.close();
  }
}

/** `unidentified` stands for itself in both places. */
const studyOfManifest = (key: string) => /\/studies\/([^/]+)\/manifest\.json$/.exec(key)?.[1] ?? '';

function openReader(spoolDirectory: string): SpoolReader | undefined {
  try {
    return SpoolReader.open(spoolDirectory);
  } catch {
    return undefined; // gone or damaged: the store is proven without it
  }
}

const describeProblem = ({ line, seq, detail }: ChainProblem) =>
  seq === undefined ? `line ${line}: ${detail}` : `receipt ${seq}: ${detail}`;
