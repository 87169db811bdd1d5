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

/** Reads everything that the receipts name. While studies are under way, one without a manifest is no fault. */
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
      manifests: hasOpenStudies(paths.spool) ? 'when-present' : 'required',
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
      ],
    };
  } finally {
    await store.close();
  }
}

function hasOpenStudies(spoolDirectory: string): boolean {
  const reader = SpoolReader.open(spoolDirectory);
  try {
    return reader.index.studyCounts().open > 0;
  } finally {
    reader.close();
  }
}

const describeProblem = ({ line, seq, detail }: ChainProblem) =>
  seq === undefined ? `line ${line}: ${detail}` : `receipt ${seq}: ${detail}`;
