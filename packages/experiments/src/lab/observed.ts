import type { NodeInventory } from '@kmemlab/kernel';
import type { Verdict } from '@kmemlab/machine';
import type { Broker, Clock, Floors, HostPairs, PhaseDurations } from '@kmemlab/results';
import type { PhaseRecord } from './phase-record.js';
import type { Reading } from './reading.js';

/** Where a live machine ran. */
export interface LivePlace {
  readonly broker: Broker;
  /** Cores that the run could use. */
  readonly cores: number;
  readonly pinned: boolean;
  readonly floors: Floors | null;
  /** Host of each node, and the round trips between them; absent if all are on this computer. */
  readonly hosts?: HostPairs;
}

/** What can be known of a machine at any moment of a run, whichever machine it is. A result is built from it. */
export interface Observed {
  /** Clock of the durations. */
  readonly clock: Clock;
  readonly phases: readonly PhaseRecord[];
  readonly verdicts: readonly Verdict[];
  /** The machine now, or as of its nodes' last reports. */
  reading(): Reading;
  /** Durations of the phase in progress. */
  durations(): PhaseDurations;
  /** What exists now, or at the last mark. */
  inventories(): readonly NodeInventory[];
  /** Digest of all events; the deterministic machine only. */
  readonly digest?: () => string;
  /** The live machine only. */
  readonly live?: LiveObserved;
}

export interface LiveObserved {
  readonly place: LivePlace;
  /** When each node's figures are from, ns of machine time. */
  asOf(): readonly { readonly node: number; readonly ns: number }[];
}
