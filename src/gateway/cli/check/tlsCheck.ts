/** Certificates of the listeners: how long they last, whether their chain holds, who may read the key. */
import type { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Configuration, ListenerConfiguration } from '../../config/configuration.ts';
import { brokenLink } from '../../config/pem.ts';
import type { RevocationList } from '../../tls/crl.ts';
import { listWarning } from '../../tls/expiry.ts';
import { loadTls } from '../../tls/tlsFiles.ts';
import { type CheckResult, fail, ok, warn } from './result.ts';

const dayMs = 86_400_000;
/** Renewal by hand in a hospital takes weeks, not days. */
const warnDays = 30;

/** `now`: milliseconds since 1970. Pure. */
export function checkValidity(subject: string, certificate: X509Certificate, now: number): CheckResult {
  const from = certificate.validFromDate.getTime();
  const to = certificate.validToDate.getTime();
  const date = (time: number) => new Date(time).toISOString().slice(0, 10);
  if (now < from) return fail(subject, `not valid before ${date(from)}`, 'check the clock of this machine, or wait');
  if (now > to) return fail(subject, `expired on ${date(to)}`, 'put a new certificate in place');
  const days = Math.floor((to - now) / dayMs);
  if (days < warnDays)
    return warn(subject, `expires in ${days} days, on ${date(to)}`, 'put a new certificate in place');
  return ok(subject, `valid until ${date(to)}`);
}

function checkChain(subject: string, chain: readonly X509Certificate[]): CheckResult[] {
  const broken = brokenLink(chain);
  if (broken === undefined) return [];
  const message = `certificate ${broken + 1} in the file was not signed by certificate ${broken + 2}`;
  return [fail(subject, message, 'order them: the own one first, then who signed it, and so on')];
}

/** `file`: with a private key in it. */
function checkKeyMode(subject: string, file: string): CheckResult[] {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o007) === 0) return [];
  return [warn(subject, `every user of this machine may read ${file}`, `chmod 640 ${file}`)];
}

function checkList(subject: string, list: RevocationList, now: number): CheckResult {
  if (list.nextUpdate === undefined) return ok(subject, 'does not say when it ends');
  const date = new Date(list.nextUpdate).toISOString();
  const hint = "put the authority's new list into crlFile";
  switch (listWarning(list, now)) {
    case 'tls.crl-expired':
      return fail(subject, `ended on ${date}: senders of its authority are refused`, hint);
    case 'tls.crl-expiring':
      return warn(subject, `ends on ${date}; from then on senders of its authority are refused`, hint);
    default:
      return ok(subject, `in date until ${date}`);
  }
}

function checkListener({ name, tls }: ListenerConfiguration, now: number): CheckResult[] {
  if (!tls) return [];
  const subject = `listeners ${name}`;
  const { loaded } = loadTls(tls);
  const results: CheckResult[] = [];
  if (loaded) {
    const { chain, authorities, lists } = loaded;
    const [leaf] = chain;
    if (leaf) results.push(checkValidity(`${subject} certificate`, leaf, now));
    results.push(...checkChain(`${subject} certificate`, chain));
    authorities.forEach((authority, index) => {
      const result = checkValidity(`${subject} client authority ${index + 1}`, authority, now);
      if (result.level !== 'ok') results.push(result);
    });
    lists.forEach((list, index) => {
      results.push(checkList(`${subject} revocation list ${index + 1}`, list, now));
    });
  }
  const keyFile = tls.keyFile ?? tls.pkcs12File;
  return keyFile === undefined ? results : [...results, ...checkKeyMode(subject, keyFile)];
}

/** The files were read and compared when the configuration was loaded; this looks at their content. */
export function checkTls(config: Configuration, now: number): CheckResult[] {
  return config.listeners.flatMap((listener) => checkListener(listener, now));
}
