import { type Bus, connectBus } from '@kmemlab/machine-live';
import { chooseBroker } from './choose.js';
import { type Credentials, credentialsOf, type Environment } from './types.js';

/** A server that the user named, and how to be let in. */
export interface Access extends Credentials {
  readonly url: string;
}

/** @throws InputProblem if the URL or the environment is wrong */
export async function accessTo(nats: string, env: Environment): Promise<Access> {
  const server = await chooseBroker({ url: nats, env });
  return { url: server.url, ...credentialsOf(server) };
}

/**
 * Connect to a server that the user named.
 * @param name what the server's records call this client
 * @throws InputProblem if the URL is wrong, BusError if the server cannot be used
 */
export const connectTo = async (nats: string, env: Environment, name: string): Promise<Bus> =>
  connectBus({ ...(await accessTo(nats, env)), name });
