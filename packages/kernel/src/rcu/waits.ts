import type { KernelNode } from '../node.js';
import { BARRIER_CALLBACK } from './barrier.js';
import { type Flavour, type RcuFlavourName, rcuFlavours } from './flavours.js';
import type { RcuCpu } from './state.js';
import { WAKEME_AFTER_RCU } from './synchronize.js';

/** Callbacks on a CPU for which tasks wait: what they complete, and the grace period that has to end before, 0 for none. */
export type RcuCpuWaits = readonly { readonly waiter: number; readonly flavour: RcuFlavourName; readonly gp: number }[];

/** A task that is off its CPU in a read section. */
export interface RcuReaderWaits {
  readonly task: number;
  readonly name: string;
  readonly cpu: number;
  /** It left the kernel without ending it. */
  readonly leaked: boolean;
}

/** One flavour as a node sees it. */
export interface RcuNodeWaits {
  readonly flavour: RcuFlavourName;
  /** Boot node: the grace period begun last and the one completed last. Other nodes: 0. */
  readonly gracePeriod: number;
  readonly completed: number;
  /** CPUs and readers of this node for which the grace period in progress waits. */
  readonly owing: readonly number[];
  readonly readers: readonly RcuReaderWaits[];
}

/** Later than every grace period: the callback has no number yet. */
const UNNUMBERED = Number.MAX_SAFE_INTEGER;

const WAKERS: readonly string[] = [BARRIER_CALLBACK, WAKEME_AFTER_RCU];

export const callbacksWaitedFor = ({ all }: RcuCpu): RcuCpuWaits =>
  all.flatMap(({ flavour, callbacks }) =>
    [...callbacks.all()]
      .filter(({ head }) => WAKERS.includes(head.fn))
      .map(({ head, gp }) => ({ waiter: head.data, flavour: rcuFlavours[flavour], gp: Math.min(gp, UNNUMBERED) })),
  );

export const rcuNodeWaits = (node: KernelNode): RcuNodeWaits[] =>
  rcuFlavours.map((name, flavour) => {
    const { gpNumber, completed } = node.rcuRoots.of(flavour as Flavour);
    const { leaves } = node.rcu.of(flavour as Flavour);
    return {
      flavour: name,
      gracePeriod: gpNumber,
      completed,
      owing: leaves.flatMap(({ owing }) => [...owing]),
      readers: leaves.flatMap(({ blocked, blocking }) =>
        [...blocked].filter(([task]) => blocking.has(task)).map(([task, reader]) => ({ task, ...reader })),
      ),
    };
  });
