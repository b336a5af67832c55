import type { Disturbances } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import type { PlainDurations } from '@kmemlab/results';

/** What one node has counted since power-on; durations are those of the phase in progress. */
export interface NodeReport {
  readonly node: number;
  /** Machine time, ns. */
  readonly at: number;
  readonly sums: Readonly<Record<string, number>>;
  /** Per CPU of the node. */
  readonly cal: readonly number[];
  readonly res: readonly number[];
  readonly loc: readonly number[];
  /** What else takes the CPU from its user tasks. */
  readonly disturbances: readonly Disturbances[];
  readonly received: readonly number[];
  readonly merged: readonly number[];
  readonly events: number;
  readonly messages: {
    readonly byKind: Readonly<Record<string, number>>;
    readonly crossNodeByKind: Readonly<Record<string, number>>;
    /** Sent by each CPU of the node. */
    readonly byCpu: readonly number[];
    /** Sent from this node to each node. */
    readonly toNode: readonly number[];
  };
  readonly durations: PlainDurations;
  /** System calls that have returned to guests of this node, except background tasks. */
  readonly progress: number;
}

/** Where one CPU is. */
export interface CpuDump extends Step {
  readonly state: string;
  /** Machine time at which it last came to rest, ns. */
  readonly since: number;
  /** False if the CPU did not answer: what is known is what it left in memory. */
  readonly answered: boolean;
}

/** How much is at rest on one node. Two equal answers in a row from all nodes, with as many received as sent, mean rest. */
export interface Quiet {
  readonly idle: boolean;
  /** Messages sent to and received from other nodes. */
  readonly sent: number;
  readonly received: number;
  /** Grows with everything that happens on the node. */
  readonly activity: number;
}
