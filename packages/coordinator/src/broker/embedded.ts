import { randomBytes } from 'node:crypto';
import { BrokerListenError, startEmbeddedBroker } from '@kmemlab/nats-embedded';
import { portInUse } from './port.js';
import type { Broker } from './types.js';

/** A broker in this process, on loopback. Throws an InputProblem if `port` is taken. */
export async function embeddedBroker(port?: number): Promise<Broker> {
  const token = newToken();
  const broker = await startEmbeddedBroker({ token, ...(port !== undefined && { port }) }).catch((error: unknown) => {
    if (port !== undefined && isTaken(error)) throw portInUse(port);
    throw error;
  });
  return {
    kind: 'embedded',
    url: broker.url,
    token,
    describe: `embedded broker on 127.0.0.1:${broker.port}`,
    close: () => broker.close(),
  };
}

/** A secret that nobody can guess. */
export const newToken = (): string => randomBytes(24).toString('hex');

function isTaken(error: unknown): boolean {
  return error instanceof BrokerListenError && (error.cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
}
