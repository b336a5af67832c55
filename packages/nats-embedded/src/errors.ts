/** A client broke the protocol or a limit; `message` is the text of the -ERR that ends its connection. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** The broker could not listen at the address it was given; the cause is the system's error. */
export class BrokerListenError extends Error {
  override readonly name = 'BrokerListenError';
}
