import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describeError, GatewayError, systemCode } from '../../base/errors.ts';
import { readConfiguration } from '../config/configuration.ts';
import type { Site } from '../identity/listeners.ts';
import type { IdentityReport } from '../identity/showIdentity.ts';
import { type CommandContext, ConfigurationRefused, exitCode, runCommand, UsageError, writeJson } from './context.ts';
import { certificateText, faultText, firstSenderText, listenerYaml, reportText } from './identityText.ts';
import { wholeNumber, withConfiguration, withExamples, withJson } from './options.ts';
import { type PassphraseOptions, passphraseFrom } from './passphrase.ts';

type Common = { config: string; json?: boolean };
type Naming = Common & { subject?: string; name?: string[] };

/** Only the text of the configuration: the files that its listeners name may be what is about to be made. */
function siteFrom(file: string): Site {
  const result = readConfiguration(file);
  if (!result.ok) throw new ConfigurationRefused(file, result.problems);
  return result.config;
}

/** A certificate for longer helps nobody; browsers take 398 days, and yearly renewal keeps people in practice. */
const usualDays = 397;
const maxDays = 3650;

function withNames(command: Command): Command {
  return command
    .option('--subject <name>', 'such as "CN=gateway.example.org, O=Clinic North, C=DE"; proposed when left out')
    .option('--name <name...>', "host names and addresses that senders call; this machine's when left out");
}

function withDays(command: Command): Command {
  return command.option('--days <n>', 'how long it is valid', wholeNumber(1, maxDays), usualDays);
}

const namesOf = ({ subject, name }: Naming) => ({
  ...(subject === undefined ? {} : { subject }),
  ...(name === undefined ? {} : { names: name }),
});

const usedBy = (report: IdentityReport) =>
  report.listeners.filter(({ usesIdentity }) => usesIdentity).map(({ name }) => name);

/** What to do after a certificate was put in place. */
function nextStep(report: IdentityReport, config: string, changed: boolean, clientCa?: string): string {
  const users = usedBy(report).join(', ');
  const taken = changed ? ': a running gateway takes it on within seconds' : '';
  const use =
    users === ''
      ? `No listener uses it yet. In the configuration:\n\n${listenerYaml(report, clientCa)}`
      : `Used by listener ${users}${taken}.\n`;
  if (!changed || !report.certificate?.selfSigned) return use;
  return `${use}\n${firstSenderText(config)}`;
}

function registerInit(identity: Command, context: CommandContext): void {
  const command = identity
    .command('init')
    .description('make the TLS key and a self-signed start-up certificate, where they are missing');
  withDays(withNames(withConfiguration(command))).option(
    '--client-ca <file>',
    'authority of the senders, for the configuration that is printed',
  );
  withExamples(withJson(command), [
    'identity init --config gateway.yaml',
    'identity init --config gateway.yaml --name gateway.example.org 10.1.5.20',
  ]);
  command.action((options: Naming & { days: number; clientCa?: string }) =>
    runCommand(context, options, async () => {
      const tools = await context.dependencies.identity();
      const site = siteFrom(options.config);
      const made = await tools.initialise(site, { ...namesOf(options), days: options.days }, Date.now());
      const report = tools.showIdentity(site, Date.now());
      if (options.json) {
        writeJson(context, { ok: true, made, ...report, configuration: listenerYaml(report, options.clientCa) });
        return;
      }
      const parts = [made.key ? 'the key' : '', made.certificate ? 'the certificate' : ''].filter(Boolean);
      context.write(parts.length > 0 ? `Made ${parts.join(' and ')}.\n\n` : 'All was there already.\n\n');
      context.write(`${certificateText(report)}${faultText(report)}\n`);
      context.write(nextStep(report, options.config, parts.length > 0, options.clientCa));
    }),
  );
}

/** A file that is there may be an older request that somebody is signing right now. */
function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o644 });
  } catch (cause) {
    const isThere = systemCode(cause) === 'EEXIST';
    const reason = isThere ? 'is there already' : `cannot be written: ${describeError(cause)}`;
    const message = `the file of --output ${reason}`;
    const hint = isThere
      ? 'name another, or remove it if nobody is signing it'
      : 'name one in a folder that you may write';
    throw new GatewayError(message, { code: 'identity.output', operation: 'write', subject: file, hint });
  }
}

function registerCsr(identity: Command, context: CommandContext): void {
  const command = identity
    .command('csr')
    .description("write the request (PKCS #10) with which the hospital's authority makes a certificate for the key");
  withNames(withConfiguration(command))
    .option('--key <file>', 'for this private key (PEM, EC or RSA), not for the one of the gateway')
    .option('-o, --output <file>', 'write it there; it must not exist');
  withExamples(withJson(command), [
    'identity csr --config gateway.yaml > gateway.csr',
    'identity csr --config gateway.yaml --subject "CN=gateway.example.org, O=Clinic North, C=DE" -o gateway.csr',
  ]);
  command.action((options: Naming & { key?: string; output?: string }) =>
    runCommand(context, options, async () => {
      const { key, output } = options;
      const tools = await context.dependencies.identity();
      const made = await tools.signingRequest(siteFrom(options.config), {
        ...namesOf(options),
        ...(key === undefined ? {} : { keyFile: key }),
      });
      if (output !== undefined) writeNew(output, made.request);
      const { request, ...rest } = made;
      if (options.json) return writeJson(context, { ok: true, ...rest, request, output });
      if (output === undefined) context.write(request);
      const again = `medusa-gateway identity import CERTIFICATE CHAIN --config ${options.config}`;
      context.writeError(
        `${output === undefined ? '' : `Written: ${output}\n`}Names in it: ${made.names.join(', ')}\nSend it to the authority, then: ${again}\n`,
      );
    }),
  );
}

function registerSelfSigned(identity: Command, context: CommandContext): void {
  const command = identity
    .command('self-signed')
    .description('make a new self-signed certificate for the same key; the one before it is kept')
    .option('--force', 'put it in the place of the one that is there', false);
  withExamples(withJson(withDays(withNames(withConfiguration(command)))), [
    'identity self-signed --config gateway.yaml --force',
    'identity self-signed --config gateway.yaml --force --name gateway.example.org --days 90',
  ]);
  command.action((options: Naming & { days: number; force: boolean }) =>
    runCommand(context, options, async () => {
      const { days, force } = options;
      const tools = await context.dependencies.identity();
      const site = siteFrom(options.config);
      const { kept } = await tools.renewSelfSigned(site, { ...namesOf(options), days, force }, Date.now());
      writeInstalled(context, options, tools.showIdentity(site, Date.now()), { kept: kept?.certificate });
    }),
  );
}

type Installed = { kept: string | undefined; newKey?: boolean; unchanged?: boolean; warnings?: string[] };

function writeInstalled(
  context: CommandContext,
  options: Common,
  report: IdentityReport,
  { warnings = [], kept, ...done }: Installed,
): void {
  const all = [...new Set([...warnings, ...report.warnings])];
  if (options.json) return writeJson(context, { ok: true, ...done, replaced: kept, ...report, warnings: all });
  const key = done.newKey === undefined ? '' : done.newKey ? ', with the key that came with it' : ', for the key here';
  const before = kept === undefined ? '' : `The one before it is kept: ${kept}\n`;
  context.write(
    `${done.unchanged ? 'It was installed already' : `Installed${key}`}.\n${before}\n${certificateText(report)}${faultText({ problems: [], warnings: all })}\n`,
  );
  context.write(nextStep(report, options.config, !done.unchanged));
}

function readGiven(name: string): { name: string; bytes: Buffer } {
  try {
    return { name, bytes: readFileSync(name) };
  } catch (error) {
    throw new UsageError(`${name} cannot be read: ${describeError(error)}`);
  }
}

function registerImport(identity: Command, context: CommandContext): void {
  const command = identity
    .command('import')
    .description('install what the authority sent: certificate and chain in any order, or a PKCS #12 file with its key')
    .argument('<file...>', 'PEM, DER, PKCS #7 (.p7b) or PKCS #12 (.p12, .pfx)')
    .option('--passphrase-file <file>', 'file with the passphrase of an encrypted file')
    .option('--passphrase-env <name>', 'environment variable with the passphrase');
  withExamples(withJson(withConfiguration(command)), [
    'identity import gateway.crt chain.pem --config gateway.yaml',
    'identity import gateway.p12 --passphrase-file secret.txt --config gateway.yaml',
  ]);
  command.action((files: string[], options: Common & PassphraseOptions) =>
    runCommand(context, options, async () => {
      const tools = await context.dependencies.identity();
      const site = siteFrom(options.config);
      const ask = passphraseFrom(options);
      const done = await tools.importCertificate(site, files.map(readGiven), ask, Date.now());
      const report = tools.showIdentity(site, Date.now());
      writeInstalled(context, options, report, { ...done, kept: done.kept?.certificate });
    }),
  );
}

function registerShow(identity: Command, context: CommandContext): void {
  const command = identity
    .command('show')
    .description('what is installed, how long it lasts, and whether the files of each TLS listener fit together')
    .option('--pem', 'print the certificate that senders have to trust');
  withExamples(withJson(withConfiguration(command)), [
    'identity show --config gateway.yaml',
    'identity show --config gateway.yaml --pem > for-the-senders.pem',
  ]);
  command.action((options: Common & { pem?: boolean }) =>
    runCommand(context, options, async () => {
      const tools = await context.dependencies.identity();
      const site = siteFrom(options.config);
      if (options.pem) {
        const anchor = tools.trustAnchor(site);
        if (options.json) return writeJson(context, { ok: true, ...anchor });
        return context.write(anchor.pem);
      }
      const report = tools.showIdentity(site, Date.now());
      const missing = !report.certificate && report.listeners.length === 0;
      const ok = !missing && [report, ...report.listeners].every(({ problems }) => problems.length === 0);
      if (options.json) writeJson(context, { ok, ...report });
      else {
        context.write(reportText(report));
        if (missing) context.write(`\nMake them with: medusa-gateway identity init --config ${options.config}\n`);
      }
      context.finish(ok ? exitCode.ok : exitCode.failed);
    }),
  );
}

function registerRollback(identity: Command, context: CommandContext): void {
  const command = identity
    .command('rollback')
    .description('take the key and certificate before the present ones back; done twice, it changes nothing');
  withExamples(withJson(withConfiguration(command)), ['identity rollback --config gateway.yaml']);
  command.action((options: Common) =>
    runCommand(context, options, async () => {
      const tools = await context.dependencies.identity();
      const site = siteFrom(options.config);
      const { kept } = tools.rollBack(site, Date.now());
      writeInstalled(context, options, tools.showIdentity(site, Date.now()), { kept: kept?.certificate });
    }),
  );
}

export function registerIdentity(program: Command, context: CommandContext): void {
  const identity = program.command('identity').description('the key and certificate of this gateway for TLS');
  withExamples(identity, [
    'identity init --config gateway.yaml                      a key and a certificate to start with',
    'identity csr --config gateway.yaml -o gateway.csr        a request for the authority of the hospital',
    'identity import gateway.crt chain.pem --config gateway.yaml',
    'identity show --config gateway.yaml',
  ]);
  registerInit(identity, context);
  registerCsr(identity, context);
  registerSelfSigned(identity, context);
  registerImport(identity, context);
  registerShow(identity, context);
  registerRollback(identity, context);
}
