/** For each TLS listener of the configuration: whether its files are there, fit together, and are fit for use. */
import { inspectTls, type TlsFiles } from '../config/files.ts';
import type { ParsedConfiguration } from '../config/schema.ts';
import { type CertificateDescription, describe } from './describe.ts';
import type { IdentityPaths } from './identityFiles.ts';
import { judge } from './judge.ts';

/** What the commands need of a configuration; the files that it names need not be there yet. */
export type Site = {
  readonly stateDirectory: string;
  readonly listeners: ReadonlyArray<
    Readonly<Pick<ParsedConfiguration['listeners'][number], 'name' | 'host' | 'port' | 'plain'>> & {
      readonly tls?: TlsFiles | undefined;
    }
  >;
};

export type ListenerReport = {
  name: string;
  address: string;
  /** Its files are those that `identity` keeps. */
  usesIdentity: boolean;
  /** Undefined when it cannot be read. */
  certificate?: CertificateDescription;
  problems: Array<{ message: string; hint?: string }>;
};

export function usesIdentity(tls: TlsFiles, paths: IdentityPaths): boolean {
  return tls.certificateFile === paths.certificate && tls.keyFile === paths.key;
}

export function inspectListeners(site: Site, paths: IdentityPaths, now: number): ListenerReport[] {
  return site.listeners.flatMap(({ name, host, port, tls }, index): ListenerReport[] => {
    if (!tls) return [];
    const { chain, findings } = inspectTls(tls, ['listeners', index, 'tls']);
    const [leaf] = chain;
    const unfit = findings.map(({ path, message, hint }) => ({
      message: `${path.at(-1)}: ${message}`,
      ...(hint === undefined ? {} : { hint }),
    }));
    return [
      {
        name,
        address: `${host}:${port}`,
        usesIdentity: usesIdentity(tls, paths),
        ...(leaf ? { certificate: describe(leaf, now) } : {}),
        problems: [...unfit, ...judge(chain, now).refusals],
      },
    ];
  });
}
