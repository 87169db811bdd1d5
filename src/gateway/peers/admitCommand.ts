/** The command line that would admit somebody, safe to be copied into a shell whatever the stranger called itself. Pure. */
import { aeTitlePattern } from '../config/fields.ts';
import { anyPeer } from './peerDirectory.ts';

/** One word for a POSIX shell. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export type Admittance = {
  aeTitle: string;
  address?: string;
  fingerprint?: string;
  calledAeTitle?: string;
};

/** `*` as a calling AE title would admit everybody: no command is made from what a stranger may have chosen for that. */
export const isAdmissibleTitle = (aeTitle: string) => aeTitlePattern.test(aeTitle) && aeTitle !== anyPeer;

/** `medusa-gateway peers add CT1 --address 10.1.2.3 --config FILE`; undefined when no entry could be made of it. */
export function admitCommand(admittance: Admittance, configFile?: string): string | undefined {
  const { aeTitle, address, fingerprint, calledAeTitle } = admittance;
  if (!isAdmissibleTitle(aeTitle) || (calledAeTitle !== undefined && !aeTitlePattern.test(calledAeTitle))) {
    return undefined;
  }
  const option = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`--${name}${value.startsWith('-') ? '=' : ' '}${shellQuote(value)}`];
  const options = [
    ...option('address', address),
    ...option('fingerprint', fingerprint),
    ...option('called', calledAeTitle),
    ...option('config', configFile),
  ];
  const title = shellQuote(aeTitle);
  const words = aeTitle.startsWith('-') ? [...options, '--', title] : [title, ...options];
  return ['medusa-gateway peers add', ...words].join(' ');
}
