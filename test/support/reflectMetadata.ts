/** Import this before @peculiar/x509. */
import '../../src/gateway/identity/reflectMetadata.ts';
