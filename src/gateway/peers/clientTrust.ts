/** What a TLS listener has to know of peers to judge a certificate that no authority vouches for. */
import type { ClientTrust } from '../../dicom/transport/clientTrust.ts';
import type { PeerDirectory } from './peerDirectory.ts';

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
