import { GatewayError, systemCode } from '../../base/errors.ts';
import { type StoreErrorCode, storeError } from './storeErrors.ts';

const BY_SYSTEM_CODE: Record<string, StoreErrorCode> = {
  ENOSPC: 'store.full',
  EDQUOT: 'store.full',
  EFBIG: 'store.too-large',
  ENAMETOOLONG: 'store.bad-key',
  // A component of the key is an object, or the key is a directory of other objects.
  ENOTDIR: 'store.bad-key',
  EISDIR: 'store.bad-key',
  EACCES: 'store.refused',
  EPERM: 'store.refused',
  EROFS: 'store.refused',
  EMFILE: 'store.overloaded',
  ENFILE: 'store.overloaded',
  // A directory went away under us, or the file system did.
  ENOENT: 'store.unreachable',
  EIO: 'store.unreachable',
  ESTALE: 'store.unreachable',
  ENODEV: 'store.unreachable',
  ENXIO: 'store.unreachable',
  ENOTCONN: 'store.unreachable',
  EHOSTDOWN: 'store.unreachable',
  ETIMEDOUT: 'store.timeout',
};

/** Turns what a file operation threw into a store error; a `GatewayError` passes as it is. */
export function directoryError(error: unknown, operation: string, subject: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = BY_SYSTEM_CODE[systemCode(error) ?? ''] ?? 'store.unexpected';
  return storeError(code, `cannot ${operation}`, { operation, subject, cause: error });
}

/**
 * The same for opening the store's folder: whatever is wrong there is wrong with the store, never with an object, so what
 * would be an object's own fault elsewhere is an unreachable store here.
 */
export function openError(error: unknown, root: string): GatewayError {
  const found = directoryError(error, 'open store', root);
  if (!['store.bad-key', 'store.too-large', 'store.unexpected'].includes(found.code)) return found;
  const hint = 'path has to be a folder that this user may write to';
  return storeError('store.unreachable', 'cannot open store', {
    operation: 'open store',
    subject: root,
    cause: error,
    hint,
  });
}
