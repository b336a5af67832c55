import { isRunClock, type RunClock } from './run-clock.js';

/** The first call that a node gets: who it is in the run. It answers when it is ready to begin. */
export interface NodeConfigure {
  readonly run: string;
  /** Its number, from 0. */
  readonly index: number;
  readonly nodes: number;
  readonly cpusPerNode: number;
  /** A link that is silent for longer fails the run; ms. */
  readonly linkDeadlineMs: number;
  /** A node that hears nothing from the coordinator for longer ends itself; ms. */
  readonly coordinatorDeadlineMs: number;
  /** When the run began. */
  readonly clock: RunClock;
  /** What the node is to run; plain data. */
  readonly payload: unknown;
}

/** What a node says of itself when it has found the run. */
export interface NodeHello {
  readonly pid: number;
  readonly host: string;
  readonly cores: number;
}

/** Names on the control channel that belong to the life of the node processes. Whoever finds a failure reports it. */
export const Calls = {
  configure: 'life.configure',
  begin: 'life.begin',
  stop: 'life.stop',
  echo: 'life.echo',
  roundTrips: 'life.roundTrips',
} as const;
export const Events = { hello: 'life.hello', alive: 'life.alive', failed: 'failed' } as const;

/** The call before `configure`: how long does a message to each of these nodes and back take? Answered by their medians, ns. */
export interface RoundTripsOrder {
  readonly peers: readonly number[];
  readonly rounds: number;
  /** For each answer, ms. */
  readonly deadlineMs: number;
}

export function isRoundTripsOrder(value: unknown): value is RoundTripsOrder {
  const { peers, rounds, deadlineMs } = fieldsOf(value);
  return (
    Array.isArray(peers) && peers.every(Number.isInteger) && Number.isInteger(rounds) && Number.isFinite(deadlineMs)
  );
}

/** Both sides say that they are there this often; ms. */
export const ALIVE_MS = 500;

/** How long a node that has not been configured waits for the coordinator; ms. */
export const UNCONFIGURED_DEADLINE_MS = 30_000;

/** A node has this long to stop, then it is told by a signal; ms. */
export const STOP_MS = 2_000;

export function isNodeHello(value: unknown): value is NodeHello {
  const { pid, host, cores } = fieldsOf(value);
  return typeof pid === 'number' && typeof host === 'string' && typeof cores === 'number';
}

const NUMBERS = ['index', 'nodes', 'cpusPerNode', 'linkDeadlineMs', 'coordinatorDeadlineMs'];

export function isNodeConfigure(value: unknown): value is NodeConfigure {
  const fields = fieldsOf(value);
  const wellFormed = typeof fields.run === 'string' && isRunClock(fields.clock);
  return wellFormed && NUMBERS.every((name) => Number.isFinite(fields[name]));
}

/** The failure that a node reports. */
export function failureFrom(value: unknown, node: number): { readonly kind: string; readonly detail: string } {
  const { kind, detail } = fieldsOf(value);
  if (typeof kind !== 'string' || typeof detail !== 'string')
    return { kind: 'internal', detail: `node ${node} reported a failure without saying which` };
  return { kind, detail };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
