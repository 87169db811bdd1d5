/** The real functions behind the commands, each imported when it is first needed. */
import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describeError, GatewayError } from '../../base/errors.ts';
import type { StoreCapabilities, StoreConfiguration } from '../../delivery/store/objectStore.ts';
import type { Configuration } from '../config/configuration.ts';
import type { CommandDependencies, EchoOptions, RunOptions, SendOptions, SendReport } from './dependencies.ts';

/** Runs the demo as a process of its own, as `npm run demo` does. */
function runDemo(args: readonly string[]): Promise<number> {
  const program = fileURLToPath(new URL('../../../demo/main.ts', import.meta.url));
  if (!existsSync(program)) {
    throw new GatewayError('the demo is not part of this installation', {
      code: 'demo.not-installed',
      operation: 'run the demo',
      subject: program,
      hint: 'it comes with the source tree: npm run demo',
    });
  }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** systemd gives 90 s before it kills; associations get a part of that to end by themselves. */
const stopGraceMs = 20_000;

async function runGateway(config: Configuration, { log, configFile, stop, onHangUp }: RunOptions): Promise<void> {
  const { runGateway: start } = await import('../gateway.ts');
  const gateway = await start(config, { log, configFile, setLogLevel: (level) => log.setLevel(level) });
  onHangUp(() => {
    gateway.reload().catch((error: unknown) => {
      log.error('config.reload-failed', `the configuration could not be read again: ${describeError(error)}`);
    });
  });
  if (!stop.aborted) await once(stop, 'abort');
  await gateway.stop(stopGraceMs);
}

function tlsFileError(message: string, subject: string, hint: string): GatewayError {
  return new GatewayError(message, { code: 'send.tls-file', operation: 'send', subject, hint });
}

function readTlsFile(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw tlsFileError(
      `the file of ${option} cannot be read: ${describeError(error)}`,
      path,
      `name a PEM file with ${option}`,
    );
  }
}

function clientMaterial({ caFile, certificateFile, keyFile }: NonNullable<SendOptions['tls']>) {
  const certificate = certificateFile === undefined ? undefined : readTlsFile('--cert', certificateFile);
  const key = keyFile === undefined ? undefined : readTlsFile('--key', keyFile);
  if (certificate && key && !belongTogether(certificate, key)) {
    const hint = 'both have to be PEM, and the key the one that the certificate was made for';
    throw tlsFileError('the files of --cert and --key do not belong together', keyFile ?? '', hint);
  }
  return {
    ca: caFile === undefined ? rootCertificates.join('\n') : readTlsFile('--ca', caFile),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

function belongTogether(certificate: Buffer, key: Buffer): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function sendFiles({ tls, commit, ...options }: SendOptions): Promise<SendReport> {
  const scu = await import('../../dicom/scu/sendFiles.ts');
  const { isStored } = await import('../../dicom/scu/words.ts');
  const target = { ...options, ...(tls === undefined ? {} : { tls: clientMaterial(tls) }) };
  const acknowledged: Array<{ sopClassUid: string; sopInstanceUid: string }> = [];
  const report = await scu.sendFiles({
    ...target,
    onInstance({ sopClassUid, sopInstanceUid, status }) {
      if (commit && status !== undefined && isStored(status)) acknowledged.push({ sopClassUid, sopInstanceUid });
    },
  });
  if (commit === undefined) return report;
  const { commitSent } = await import('../commitTool.ts');
  return { ...report, commitment: await commitSent(target, acknowledged, commit) };
}

async function echoPeer({ tls, ...target }: EchoOptions): Promise<{ ms: number }> {
  const { echo } = await import('../../dicom/scu/echo.ts');
  if (tls === undefined) return echo(target);
  const { serverName, ...files } = tls;
  return echo({ ...target, tls: { ...clientMaterial(files), ...(serverName === undefined ? {} : { serverName }) } });
}

async function probeStore(configuration: StoreConfiguration, signal: AbortSignal): Promise<StoreCapabilities> {
  const { openStore } = await import('../../delivery/store/openStore.ts');
  const store = openStore(configuration, { retry: false });
  try {
    return await store.capabilities(signal);
  } finally {
    await store.close();
  }
}

const spoolTools = () => import('../spoolTools.ts');

export const dependencies: CommandDependencies = {
  runGateway,
  runDemo: async (args) => runDemo(args),
  sendFiles,
  echoPeer,
  verifyStore: async (...args) => (await import('../verifyTool.ts')).verifyStore(...args),
  probeStore,
  rebuildIndex: async (config) => (await spoolTools()).rebuildIndex(config),
  listInstances: async function* (config, filter) {
    yield* (await spoolTools()).listInstances(config, filter);
  },
  exportInstance: async (config, what) => (await spoolTools()).exportInstance(config, what),
  checkSpool: async (config) => (await spoolTools()).checkSpool(config),
  runOnFiles: async (request) => (await import('../applications/runOnFiles.ts')).runOnFiles(request),
  reidentify: async (...args) => (await import('../applications/reidentify.ts')).reidentify(...args),
  identity: () => import('../identity/identity.ts'),
};
