/** What a broker may be told beside its token, and what holds otherwise. Times in ms, sizes in bytes. */
export const DEFAULTS = {
  host: '127.0.0.1', // there is no TLS: anything but loopback shows the token to the network
  port: 0, // 0 takes a free one
  maxPayload: 1 << 20, // of one message, headers included
  maxControlLine: 4096, // of one line, its end included
  maxPending: 64 << 20, // a client with more than this waiting to be sent is a slow consumer and is let go
  maxConnections: 4096,
  connectTimeout: 2_000, // a client must have presented its token by then
  pingInterval: 30_000,
  maxPingsOut: 2, // a client that is silent for so many pings and one interval more is let go
  lingerTimeout: 500, // a client that is let go has so long to read its last bytes
  random: Math.random, // picks the member of a queue group that gets a message
};

export type Settings = Readonly<typeof DEFAULTS> & { readonly token: string };
/** A broker's options: a token that is not empty, and what is to differ from the defaults. */
export type EmbeddedBrokerOptions = Partial<Settings> & Pick<Settings, 'token'>;
