/** What a TLS listener has to know of peers to judge a certificate that no authority vouches for. */
import type { PeerDirectory } from './peerDirectory.ts';

export type ClientTrust = {
  /** Whether some peer is expected to show exactly this certificate. `fingerprint`: SHA-256, lower-case hexadecimal. */
  isPinned(fingerprint: string): boolean;
  /** Whether any peer is. When none is, and nobody learns, an unverified certificate is refused in the handshake. */
  readonly anyPinned: boolean;
  /** Callers with unverified certificates may come as far as their A-ASSOCIATE-RQ, where they are rejected. */
  readonly learning: boolean;
};

/** Reads the peers and the mode when it is asked. */
export function clientTrust(peers: () => PeerDirectory, learnMode: { readonly active: boolean }): ClientTrust {
  return {
    isPinned: (fingerprint) => peers().isPinned(fingerprint),
    get anyPinned() {
      return peers().anyPinned;
    },
    get learning() {
      return learnMode.active;
    },
  };
}
