import { type Command, InvalidArgumentError } from 'commander';
import { askablePattern, type KnownIdentity, type Reidentified } from '../../applications/reidentify.ts';
import { type CommandContext, configurationFrom, exitCode, runCommand, writeJson } from '../context.ts';
import { withConfiguration, withExamples, withJson } from '../options.ts';

type Options = { config: string; reason: string; json?: boolean };

function askable(text: string, before: string[] = []): string[] {
  if (!askablePattern.test(text)) throw new InvalidArgumentError('a UID or a pseudonym, as it left this site');
  return [...before, text];
}

function reasonArgument(text: string): string {
  const reason = text.trim();
  if (reason.length < 3 || reason.length > 500) throw new InvalidArgumentError('say why, in 3 to 500 characters');
  return reason;
}

/** Pure. */
export function renderReidentified({ asked, found }: Reidentified): string {
  if (found === undefined) return `${asked}: not known here\n`;
  const rows = [
    ...patientRows(found.patient),
    ...(found.earlier ?? []).flatMap((patient) => [['', 'earlier instances said:'], ...patientRows(patient).slice(1)]),
    ...found.uids.map(({ kind, original, replacement }) => [kind, `${replacement} was ${original}`]),
  ];
  return `${asked}:\n${rows.map(([name = '', value]) => `  ${(name && `${name}:`).padEnd(15)}${value}\n`).join('')}`;
}

const patientRows = ({ pseudonym, patientName, patientId, issuer, birthDate, sex }: KnownIdentity['patient']) =>
  [
    ['pseudonym', pseudonym],
    ['patient name', patientName],
    ['patient ID', issuer === '' ? patientId : `${patientId} (${issuer})`],
    ['birth date', birthDate],
    ['sex', sex],
  ].filter(([, value]) => value !== '');

export function registerReidentify(app: Command, context: CommandContext): void {
  const command = app
    .command('reidentify')
    .description('who is behind a pseudonym or a UID that left this site; that it was asked, and why, is kept')
    .argument('<text...>', 'pseudonyms or UIDs, as they left this site', askable)
    .requiredOption('--reason <text>', 'why; it goes into the audit file', reasonArgument);
  withExamples(withJson(withConfiguration(command)), [
    'app reidentify 2.25.329 --reason "finding to be told, ticket 4711" --config gateway.yaml',
  ]);
  command.action((texts: string[], options: Options) =>
    runCommand(context, options, async () => {
      const { reason } = options;
      const identities = await context.dependencies.reidentify(configurationFrom(options.config), { texts, reason });
      const ok = identities.every(({ found }) => found !== undefined);
      if (options.json) writeJson(context, { ok, identities });
      else context.write(identities.map(renderReidentified).join(''));
      if (!ok) context.finish(exitCode.failed);
    }),
  );
}
