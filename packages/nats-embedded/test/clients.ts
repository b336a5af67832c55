import { connect, type NatsConnection } from 'nats';
import { afterEach } from 'vitest';
import { type RunningBroker, useBroker } from './brokers.js';
import { RawClient } from './raw-client.js';

/** Clients of the broker of a suite: they end with the test that made them. Call in `describe`. */
export function useClients(start: () => Promise<RunningBroker>) {
  const broker = useBroker(start);
  const clients: NatsConnection[] = [];
  const sockets: RawClient[] = [];

  afterEach(async () => {
    for (const { socket } of sockets.splice(0)) socket.destroy();
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  return {
    broker,

    async client(options: object = {}): Promise<NatsConnection> {
      const { url, token } = broker();
      const connection = await connect({ servers: url, token, reconnect: false, timeout: 10_000, ...options });
      clients.push(connection);
      return connection;
    },

    /** Its PING has been answered. */
    async raw(options?: object): Promise<RawClient> {
      const socket = await RawClient.open(broker(), options);
      sockets.push(socket);
      return socket;
    },

    /** It has said nothing yet. */
    greeted(): RawClient {
      const socket = new RawClient(broker());
      sockets.push(socket);
      return socket;
    },
  };
}
