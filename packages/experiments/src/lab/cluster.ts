import type { NodeFailure } from './live-node.js';
import type { LivePlace } from './observed.js';

/** The node processes of one run, as the command's lab steers them. */
export interface Cluster {
  /** Ask one node; rejects if it does not answer in time, or answers with an error. */
  call(node: number, name: string, payload: unknown, deadlineMs: number): Promise<unknown>;
  /** Ask all nodes; the answers are in the order of their numbers. */
  all(name: string, payload: unknown, deadlineMs: number): Promise<unknown[]>;
  onEvent(name: string, listener: (payload: unknown, node: number) => void): void;
  /** Resolves when something that the run cannot do without is gone, or a node reports `failed`. Never rejects. */
  readonly failure: Promise<NodeFailure>;
  /** End all node processes; none is left when this resolves. May be called again. */
  stop(): Promise<void>;
  readonly place: LivePlace;
}

/** What a cluster is started with. */
export interface ClusterPlan {
  readonly nodes: number;
  readonly cpusPerNode: number;
  /** Goes to every node process as it is. */
  readonly plan: unknown;
  readonly nats?: string;
  readonly brokerPort?: number;
  readonly pin?: boolean;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Starts the node processes of a run and waits until all have answered. Rejects with nothing left running: with an
 * InputError if the place cannot run it, or else with an error that says which `kind` of failure it is.
 */
export type StartCluster = (plan: ClusterPlan) => Promise<Cluster>;
