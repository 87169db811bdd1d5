/** What a caller means that is no DICOM peer, told by its first bytes. Pure. */

const httpMethod = /^(GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|TRACE|CONNECT|PRI) /;

/** On a port without TLS. `bytes`: the first that came, at least one. undefined: it may be DICOM. */
export function misdialOnPlain(bytes: Buffer): [event: string, message: string] | undefined {
  if (isClientHello(bytes) || isOldClientHello(bytes)) {
    return [
      'listener.tls-on-plain-port',
      'a TLS client called a plain DICOM port; set the sender to plain DICOM, or to the port of a TLS listener',
    ];
  }
  if (httpMethod.test(bytes.subarray(0, 8).toString('latin1'))) {
    return [
      'listener.http-on-dicom-port',
      'an HTTP client called a DICOM port; DICOMweb is not offered here, and the status page is at api.port',
    ];
  }
  return undefined;
}

/** A TLS record with a handshake (22) of SSL 3.0 or later. */
function isClientHello(bytes: Buffer): boolean {
  return bytes[0] === 0x16 && (bytes.length === 1 || bytes[1] === 0x03);
}

/** SSL 2.0: a record with a header of two bytes, then a ClientHello (1) of version 0.2 or 3.x. */
function isOldClientHello(bytes: Buffer): boolean {
  const [length = 0, , type, major = -1, minor] = bytes;
  return (length & 0x80) !== 0 && type === 1 && (major === 3 || (major === 0 && minor === 2));
}
