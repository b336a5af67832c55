import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Connection } from './connection.js';
import { BrokerListenError } from './errors.js';
import { Hub } from './hub.js';
import { DEFAULTS, type EmbeddedBrokerOptions } from './settings.js';

/** A broker that listens. `close` lets every client go and takes no longer than `lingerTimeout`. */
export interface EmbeddedBroker {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** Clients now and ever, messages in and out, and how many clients were let go for a fault of theirs. */
  readonly stats: Readonly<Hub['stats']> & { readonly connections: number };
  close(): Promise<void>;
}

/** Starts a broker in this process: the core protocol and nothing else. Rejects with a BrokerListenError if it cannot. */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const settings = { ...DEFAULTS, ...options };
  if (settings.token === '') throw new TypeError('The embedded broker needs a token.');
  const hub = new Hub(settings);
  const about = { server_id: randomUUID(), server_name: 'kmemlab', version: '2.9.0', proto: 1, auth_required: true };
  const server = createServer({ noDelay: true }, (socket) => {
    const info = { ...about, headers: true, max_payload: settings.maxPayload, client_id: ++hub.stats.accepted };
    hub.connections.add(new Connection(socket, hub, info));
  });
  server.maxConnections = settings.maxConnections;
  server.listen(settings.port, settings.host);
  await once(server, 'listening').catch((cause: unknown) => {
    throw new BrokerListenError(`The broker cannot listen at ${settings.host} port ${settings.port}.`, { cause });
  });
  server.on('error', () => hub.stats.faults++);
  const { address, family, port } = server.address() as AddressInfo;
  const closed = new Promise<void>((resolve) => server.on('close', resolve));
  return {
    url: `nats://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    port,
    token: settings.token,
    get stats() {
      return { ...hub.stats, connections: hub.connections.size };
    },
    close() {
      server.close();
      for (const connection of hub.connections) connection.end();
      return closed;
    },
  };
}
