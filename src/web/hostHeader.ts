/** Protection against DNS rebinding. Pure. */
import { isIP } from 'node:net';

/**
 * Whether a Host header may be answered. In DNS rebinding a page of the attacker's reaches us by the attacker's own
 * name, so what is allowed is an address, `localhost`, or the name that the configuration gives; with any port, for the
 * page may be reached through a forwarded one.
 */
export function isAllowedHost(header: string | undefined, configuredHost: string): boolean {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::\d{1,5})?$/.exec(header ?? '');
  if (!match) return false;
  const [, bracketed, plain = ''] = match;
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = plain.toLowerCase();
  return isIP(name) === 4 || name === 'localhost' || name === configuredHost.toLowerCase();
}
