/**
 * The one port for every place that results go to. Implementations: a directory and S3. Retry, bandwidth limit and the
 * tunnel gate are wrappers of the same port. All are held to one conformance suite.
 */

/** What a store can do, found out once per store by trying, never assumed from its name or version. */
export type StoreCapabilities = {
  /** The store recomputes the SHA-256 we send with a PUT and refuses a wrong one. */
  verifiesSha256: boolean;
  /** The store gives the SHA-256 of an object back on HEAD. */
  reportsSha256: boolean;
  /** The store recomputes Content-MD5 and refuses a wrong one. */
  verifiesMd5: boolean;
  /** `If-None-Match: *` on PUT is honoured. */
  conditionalPut: boolean;
  /** ... and on CompleteMultipartUpload. */
  conditionalMultipart: boolean;
};

export type PutRequest = {
  key: string;
  /** Bytes of the whole object. */
  size: number;
  /** Lower-case hexadecimal SHA-256 of the whole object. */
  sha256: string;
  /**
   * Opens the content, or a part of it (`end` exclusive). Called again for each try and for each part. A chunk given out
   * must stay as it is: the source may not use its buffer again.
   */
  open(range?: { start: number; end: number }): AsyncIterable<Uint8Array>;
  /**
   * true: an object that is there already is never overwritten. Same size and digest count as success
   * (`already-present`); anything else is the permanent error `store.conflict`.
   */
  ifAbsent: boolean;
  contentType?: string;
};

/** What the store confirmed, and how. Success means nothing less than this. */
export type Confirmation = {
  key: string;
  size: number;
  sha256: string;
  outcome: 'created' | 'already-present';
  /**
   * How we know that the digest is the store's: it verified the SHA-256 we sent, it verified our MD5 of the same bytes,
   * or the object was read back and hashed. Directory: the bytes were hashed while written and synced.
   */
  confirmedBy: 'store-sha256' | 'store-md5' | 'read-back' | 'synced-write';
  /** Milliseconds since 1970. */
  at: number;
};

export type ObjectHead = { key: string; size: number; sha256?: string };

export interface ObjectStore {
  readonly name: string;
  /** Cheap after the first call. Throws `store.*` errors when the store cannot be reached or refuses us. */
  capabilities(signal?: AbortSignal): Promise<StoreCapabilities>;
  put(request: PutRequest, signal?: AbortSignal): Promise<Confirmation>;
  /** undefined when there is no such object. */
  head(key: string, signal?: AbortSignal): Promise<ObjectHead | undefined>;
  /** Throws `store.not-found`. */
  get(key: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectHead>;
  close(): Promise<void>;
}

/** How a store is named and reached; the fleet or local configuration holds one per store. */
export type StoreConfiguration =
  | { name: string; type: 'directory'; path: string; prefix: string }
  | {
      name: string;
      type: 's3';
      endpoint: string;
      region: string;
      bucket: string;
      prefix: string;
      accessKeyId: string;
      secretAccessKey: string;
      pathStyle: boolean;
      /** PEM of the authority that signed the store's certificate, when it is not a public one. */
      caFile?: string;
      /** Bytes from which an object is sent in parts, and the size of a part. */
      multipartThreshold: number;
      partSize: number;
    };
