/** A value that cannot be encoded, or bytes that no `pack` wrote; the message says why. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}
