import { FloorProcess } from './floor-process.js';
import { type BrokerAddress, Pair, START_MS, twoCores } from './floors.js';
import type { Effort, Order } from './station.js';
import { combine, type Floor } from './summary.js';

/** This computer's floors. The last two are absent without a broker. */
export interface FloorSet {
  readonly pingPong: Floor;
  /** By the number of responders. */
  readonly broadcast: Readonly<Record<number, Floor>>;
  readonly hop: Floor;
  readonly nats?: Floor;
  readonly crossNode?: Floor;
}

/** Medians of this computer's floors, host time of a round trip in ns. */
export interface MachineFloors {
  readonly pingPongNs: number;
  readonly broadcastNs: Readonly<Record<number, number>>;
  readonly hopNs: number;
  readonly natsNs?: number;
  readonly crossNodeNs?: number;
}

export interface MeasureOptions {
  /** A look of about a second, most of it to start processes, against half a minute. */
  readonly quick?: boolean;
  readonly broker?: BrokerAddress;
  /** How many threads to ring at once; 1 is the ping-pong and always measured. */
  readonly responders?: readonly number[];
  /** Give the two processes a core each, with `taskset`. */
  readonly pin?: boolean;
  /** Aborting ends it with the signal's reason, and leaves no process. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number, floor: string) => void;
}

interface Plan extends Effort {
  readonly repeats: number;
  readonly responders: readonly number[];
}

const QUICK: Plan = { repeats: 1, rounds: 400, budgetMs: 60, responders: [3] };
const THOROUGH: Plan = { repeats: 5, rounds: 4000, budgetMs: 1000, responders: [2, 4, 8, 15] };

const PING_PONG = 'ping-pong';
const HOP = 'waitAsync hop';
const NATS = 'NATS';
const CHAIN = 'cross-node chain';
const broadcastOf = (width: number) => `broadcast to ${width}`;

/** What a floor is called, and how it is ordered. */
type Step = readonly [name: string, order: Order & Effort];

/** The widest broadcast comes first: the narrower ones use its threads. */
function stepsOf({ rounds, budgetMs, responders }: Plan, withBroker: boolean): Step[] {
  const effort = { rounds, budgetMs };
  const wide = [...new Set(responders)].sort((a, b) => b - a).filter((width) => width > 1);
  return [
    ...wide.map((width): Step => [broadcastOf(width), { do: 'broadcast', responders: width, ...effort }]),
    [PING_PONG, { do: 'broadcast', responders: 1, ...effort }],
    [HOP, { do: 'hop', ...effort }],
    ...(withBroker ? [[NATS, { do: 'nats', ...effort }] as Step, [CHAIN, { do: 'chain', ...effort }] as Step] : []),
  ];
}

interface Place {
  measure(order: Order & Effort): Promise<Floor>;
  close(): Promise<void>;
}

/** Two processes if there is a broker to meet at, else one. */
async function openPlace({ broker, pin }: MeasureOptions): Promise<Place> {
  const cores = pin ? twoCores() : undefined;
  if (broker !== undefined) return await Pair.start(broker, cores);
  const process = new FloorProcess(cores?.[0]);
  return {
    measure: (order) => process.measure(order, order.budgetMs + START_MS),
    close: () => process.close(),
  };
}

async function measureSteps(place: Place, plan: Plan, options: MeasureOptions): Promise<Map<string, Floor[]>> {
  const steps = stepsOf(plan, options.broker !== undefined);
  const floors = new Map<string, Floor[]>(steps.map(([name]) => [name, []]));
  for (let repeat = 0; repeat < plan.repeats; repeat++) {
    for (const [index, [name, order]] of steps.entries()) {
      options.signal?.throwIfAborted();
      options.onProgress?.(repeat * steps.length + index, plan.repeats * steps.length, name);
      floors.get(name)?.push(await place.measure(order));
    }
  }
  return floors;
}

function setOf(floors: ReadonlyMap<string, readonly Floor[]>, responders: readonly number[]): FloorSet {
  const get = (name: string) => combine(floors.get(name) ?? []);
  const pingPong = get(PING_PONG);
  const wide = responders.filter((width) => width > 1);
  return {
    pingPong,
    broadcast: { 1: pingPong, ...Object.fromEntries(wide.map((width) => [width, get(broadcastOf(width))])) },
    hop: get(HOP),
    ...(floors.has(NATS) && { nats: get(NATS), crossNode: get(CHAIN) }),
  };
}

/**
 * Measures this computer's floors, repeats interleaved, in processes of their own. Rejects with a FloorError if one cannot
 * be measured, and with the signal's reason when aborted; no process or thread is left in any case.
 */
export async function calibrate(options: MeasureOptions = {}): Promise<FloorSet> {
  const plan = { ...(options.quick ? QUICK : THOROUGH), ...(options.responders && { responders: options.responders }) };
  options.signal?.throwIfAborted();
  const place = await openPlace(options);
  const abort = () => void place.close();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    return setOf(await measureSteps(place, plan, options), plan.responders);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
    await place.close();
  }
}

/** The medians of {@link calibrate}. */
export async function measureFloors(options: MeasureOptions = {}): Promise<MachineFloors> {
  const { pingPong, broadcast, hop, nats, crossNode } = await calibrate(options);
  return {
    pingPongNs: pingPong.medianNs,
    broadcastNs: Object.fromEntries(Object.entries(broadcast).map(([width, floor]) => [width, floor.medianNs])),
    hopNs: hop.medianNs,
    ...(nats && { natsNs: nats.medianNs }),
    ...(crossNode && { crossNodeNs: crossNode.medianNs }),
  };
}
