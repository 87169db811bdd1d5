/** Key and certificate as a terminal shows them, and the configuration that uses them. Pure. */
import { stringify } from 'yaml';
import type { CertificateDescription } from '../identity/describe.ts';
import type { ListenerReport } from '../identity/listeners.ts';
import type { IdentityReport } from '../identity/showIdentity.ts';
import { shellQuote } from '../peers/admitCommand.ts';

/** What strangers chose (names in certificates) must not steer the terminal. */
const visible = (text: string) => text.replace(/\p{Cc}/gu, '?');

function rows(values: ReadonlyArray<readonly [name: string, value: string | undefined]>): string {
  const lines = values.filter(([, value]) => value !== undefined && value !== '');
  return lines.map(([name, value]) => `${`${name}:`.padEnd(14)}${visible(value ?? '')}\n`).join('');
}

export function validityText({ validFrom, validTo, daysLeft }: CertificateDescription): string {
  const left = daysLeft < 0 ? 'EXPIRED' : `${daysLeft} days left`;
  return `${validFrom.slice(0, 10)} to ${validTo.slice(0, 10)}, ${left}`;
}

export function certificateText(report: IdentityReport): string {
  const { certificate, chain, key, keyFile, certificateFile } = report;
  const signed = certificate?.selfSigned ? 'itself (self-signed)' : certificate?.issuer;
  return rows([
    ['key', key === undefined ? 'none' : `${keyFile} (${key})`],
    ['certificate', certificate === undefined ? 'none' : certificateFile],
    ['subject', certificate?.subject],
    ['names', certificate?.names.join(', ')],
    ['signed by', signed],
    ['valid', certificate && validityText(certificate)],
    ['SHA-256', certificate?.fingerprint],
    ...chain.map((issuer): [string, string] => ['chain', `${issuer.subject}; ${validityText(issuer)}`]),
    ['receipt key', report.receiptKey?.keyId],
  ]);
}

export function faultText(report: Pick<IdentityReport, 'problems' | 'warnings'>): string {
  const hint = (text: string | undefined) => (text === undefined ? '' : `\n  ${text}`);
  const problems = report.problems.map((problem) => `PROBLEM: ${problem.message}${hint(problem.hint)}\n`);
  return visibleLines([...problems, ...report.warnings.map((warning) => `note: ${warning}\n`)]);
}

const visibleLines = (lines: readonly string[]) => lines.map((line) => line.replace(/[^\P{Cc}\n]/gu, '?')).join('');

export function listenerText({ name, address, usesIdentity, certificate, problems }: ListenerReport): string {
  const which = usesIdentity ? 'this certificate' : visible(certificate?.subject ?? 'no certificate');
  const verdict = problems.length === 0 ? 'its files fit together' : 'NOT fit for use';
  return `listener ${name} on ${address}: ${which}; ${verdict}\n${visibleLines(
    problems.map(({ message, hint }) => `  ${message}\n${hint === undefined ? '' : `    ${hint}\n`}`),
  )}`;
}

/** The part of a configuration with which a first TLS listener runs at once. Mutual always: it refuses whom it does not know. */
export function listenerYaml(files: { keyFile: string; certificateFile: string }, clientCaFile?: string): string {
  const mutual = clientCaFile === undefined ? {} : { clientCaFile };
  const tls = { certificateFile: files.certificateFile, keyFile: files.keyFile, ...mutual };
  const text = stringify({ listeners: [{ name: 'dicom-tls', host: '0.0.0.0', port: 2762, tls }] }, { lineWidth: 0 });
  if (clientCaFile !== undefined) return text;
  return `${text}      # Once an authority signs the certificates of the senders:
      # clientCaFile: /etc/medusa-gateway/tls/hospital-ca.pem
`;
}

/** The way to a first sender, whether an authority signs its certificate or not. */
export function firstSenderText(config: string): string {
  const file = shellQuote(config);
  return `Senders have to trust it:       medusa-gateway identity show --pem --config ${file} > medusa-gateway.pem
See that all is in place:       medusa-gateway check --config ${file}
With the gateway running, then: medusa-gateway peers learn --config ${file}
  shows senders whose certificate is not known yet, and lets none in: have one call, see "peers list", admit it with "peers add --knock 1"
`;
}

export function reportText(report: IdentityReport): string {
  const listeners = report.listeners.map(listenerText).join('');
  const [newest] = report.kept;
  const kept =
    newest === undefined ? '' : `before it: ${newest}, which comes back with \`medusa-gateway identity rollback\`\n`;
  return [certificateText(report), faultText(report), listeners, kept].filter((part) => part !== '').join('\n');
}
