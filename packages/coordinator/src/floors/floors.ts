import { randomUUID } from 'node:crypto';
import { type Credentials, credentialsOf } from '../broker/types.js';
import { allowedCores } from '../host/cores.js';
import { FloorError, FloorProcess } from './floor-process.js';
import type { Effort, Order } from './station.js';
import type { Floor } from './summary.js';

/** A broker that is up. */
export interface BrokerAddress extends Credentials {
  readonly url: string;
}

/** How a floor is measured. */
export interface FloorOptions {
  /** Round trips, the first tenth of them to warm up. Default 3000. */
  readonly rounds?: number;
  /** Host time in ms after which it stops with the rounds it has. Default 5000. */
  readonly budgetMs?: number;
  /** Cores to measure on, as `taskset -c` writes them: pin what you compare. Any if absent. */
  readonly pin?: string;
}

/** A floor between two processes, each with cores of its own. */
export interface NodeFloorOptions extends BrokerAddress, Omit<FloorOptions, 'pin'> {
  readonly pin?: readonly [string, string];
}

/** Time in ms beyond its budget that a measurement may take to start its threads and to answer. */
export const START_MS = 15_000;

/** A core for each of two processes, as `taskset -c` writes them; the same one if there is only one. */
export function twoCores(): readonly [string, string] {
  const [near = 0, far = near] = allowedCores();
  return [String(near), String(far)];
}

const effortOf = ({ rounds = 3000, budgetMs = 5000 }: FloorOptions | NodeFloorOptions): Effort => ({
  rounds,
  budgetMs,
});

async function alone(order: Order & Effort, pin: string | undefined): Promise<Floor> {
  const process = new FloorProcess(pin);
  try {
    return await process.measure(order, order.budgetMs + START_MS);
  } finally {
    await process.close();
  }
}

/** One thread rings another and waits for its answer: 64 bytes in shared memory, both asleep in between. */
export function pingPong(options: FloorOptions = {}): Promise<Floor> {
  return alone({ do: 'broadcast', responders: 1, ...effortOf(options) }, options.pin);
}

/** One thread rings so many sleeping threads and waits until all have answered. */
export function broadcast(options: FloorOptions & { readonly responders: number }): Promise<Floor> {
  return alone({ do: 'broadcast', responders: options.responders, ...effortOf(options) }, options.pin);
}

/** A thread rings its process's main thread, which waits with `waitAsync`, and waits for its answer. */
export function waitAsyncHop(options: FloorOptions = {}): Promise<Floor> {
  return alone({ do: 'hop', ...effortOf(options) }, options.pin);
}

/** Two processes that have met at a broker. */
export class Pair {
  readonly #near: FloorProcess;
  readonly #far: FloorProcess;

  private constructor(near: FloorProcess, far: FloorProcess) {
    this.#near = near;
    this.#far = far;
  }

  /** Rejects with a FloorError, and leaves no process, if they do not meet. */
  static async start(broker: BrokerAddress, pin?: readonly [string, string]): Promise<Pair> {
    const pair = new Pair(new FloorProcess(pin?.[0]), new FloorProcess(pin?.[1]));
    const meeting = { url: broker.url, ...credentialsOf(broker), subject: `kmemlab.floor.${randomUUID()}` };
    try {
      await Promise.all([
        pair.#near.order({ do: 'meet', at: meeting }, START_MS),
        pair.#far.order({ do: 'answer', at: meeting }, START_MS),
      ]);
      return pair;
    } catch (error) {
      await pair.close();
      throw error;
    }
  }

  /** Measures from the near one; what needs no broker too. */
  measure(order: Order & Effort): Promise<Floor> {
    const lost = this.#far.gone.then((why): never => {
      throw new FloorError(`${order.do}: the far process is lost: ${why}`);
    });
    lost.catch(() => {});
    return Promise.race([this.#near.measure(order, order.budgetMs + START_MS), lost]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#near.close(), this.#far.close()]);
  }
}

async function between(order: 'nats' | 'chain', options: NodeFloorOptions): Promise<Floor> {
  const pair = await Pair.start(options, options.pin);
  try {
    return await pair.measure({ do: order, ...effortOf(options) });
  } finally {
    await pair.close();
  }
}

/** Main thread to main thread of another process and back: one message published each way. */
export function natsRoundTrip(options: NodeFloorOptions): Promise<Floor> {
  return between('nats', options);
}

/** Thread, main thread, broker, main thread, thread of another process, and the same way back; no kernel anywhere. */
export function crossNode(options: NodeFloorOptions): Promise<Floor> {
  return between('chain', options);
}
