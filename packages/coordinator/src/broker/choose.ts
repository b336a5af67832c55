import { findProgram } from '../host/find-program.js';
import { InputProblem } from '../input-problem.js';
import { embeddedBroker } from './embedded.js';
import { givenBroker } from './given.js';
import { natsServer } from './nats-server.js';
import type { Broker, Environment } from './types.js';

export interface BrokerChoice {
  /** What `--nats` says; else KMEMLAB_NATS_URL counts. */
  readonly url?: string | undefined;
  readonly env: Environment;
  /** What `--broker-port` says: of the server that we start. A free one if absent. */
  readonly port?: number | undefined;
}

/** The server that the user named, by flag or by KMEMLAB_NATS_URL; undefined if a broker is to be started. */
export function namedServer({ url, env }: Omit<BrokerChoice, 'port'>): string | undefined {
  return url ?? (env.KMEMLAB_BROKER ? undefined : env.KMEMLAB_NATS_URL || undefined);
}

/**
 * The broker of a run: the server that the user named, else a `nats-server` on PATH, started on loopback, else one in
 * this process. KMEMLAB_BROKER=nats-server|embedded asks for one of the latter two.
 * Throws an InputProblem if that cannot be had.
 */
export async function chooseBroker({ url, env, port }: BrokerChoice): Promise<Broker> {
  const wanted = env.KMEMLAB_BROKER || undefined;
  if (wanted !== undefined && wanted !== 'nats-server' && wanted !== 'embedded')
    throw new InputProblem(`KMEMLAB_BROKER=${wanted} is unknown; it can be nats-server or embedded`);
  const named = namedServer({ url, env });
  if (named !== undefined) return givenBroker(named, env);
  const program = wanted === 'embedded' ? undefined : findProgram('nats-server', env);
  if (wanted === 'nats-server') return demanded(program, port);
  if (program === undefined) return embeddedBroker(port);
  try {
    return await natsServer(program, port);
  } catch (error) {
    if (error instanceof InputProblem) throw error;
    const broker = await embeddedBroker(port);
    return { ...broker, describe: `${broker.describe} (${(error as Error).message})` };
  }
}

async function demanded(program: string | undefined, port: number | undefined): Promise<Broker> {
  if (program === undefined)
    throw new InputProblem(
      'KMEMLAB_BROKER=nats-server, but no nats-server is on PATH; install it or unset KMEMLAB_BROKER',
    );
  return natsServer(program, port);
}
