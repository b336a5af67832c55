/**
 * The result document (`kmemlab.result/1`) as it is written to `result.json` and printed by `--json`.
 * Counts are exact. A time names its clock: `model` is simulated time, `host` is time measured on this computer.
 */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Precedence when several apply: failed, violation, incomplete, ok. */
export type Outcome = 'ok' | 'violation' | 'failed' | 'incomplete';

export type Clock = 'model' | 'host';

/** Why a run has outcome `failed` or `incomplete`. */
export interface Failure {
  /** `transport-lost`, `node-died`, `worker-died`, `broker-lost`, `disk-full`, `write-failed`, `interrupted`, … */
  readonly kind: string;
  readonly detail: string;
}

/** One access of a verdict's object: who touched it, where and when. */
export interface Step {
  readonly cpu: number;
  readonly task: string;
  /** Name of the kernel function. */
  readonly function: string;
  /** Nanoseconds of the engine's clock (`model` for sim, `host` for live). */
  readonly time: number;
  /** What the step did to the object, e.g. `frees`, `reads`. */
  readonly access?: string;
  /** Innermost function first. */
  readonly stack?: readonly string[];
}

/** A broken invariant, with the two steps that conflict, or the one that is wrong by itself; a deadlock has a step for each that waits. */
export interface Verdict {
  readonly class: string;
  readonly id: string;
  readonly object: JsonValue;
  /** Who had the object last by right, where that is known. */
  readonly owner?: string;
  readonly steps: readonly Step[];
  readonly detail?: string;
}

/** Something pinned or unaccounted that a later event can still release: not a verdict. */
export interface Finding {
  readonly class: string;
  readonly count: number;
  /** What pins it, with the number of each, e.g. `{ negativeDentry: 96 }`. */
  readonly pinnedBy: Readonly<Record<string, JsonValue>>;
  readonly detail?: string;
}

export interface BarrierCalls {
  readonly requested: number;
  readonly executed: number;
}

/** Calls by kernel function name. Only `rcu_barrier` is split; read the others with {@link callCount}. */
export interface Calls {
  readonly rcu_barrier: BarrierCalls;
  readonly [name: string]: number | BarrierCalls;
}

/** Counts over one window. Arrays have one entry per CPU, in CPU order. */
export interface Counters {
  /** Handler runs, as the columns of `/proc/interrupts`. */
  readonly interrupts: { readonly CAL: readonly number[]; readonly RES: readonly number[] };
  /** Call-function IPIs only. Per CPU: `CAL + mergedBy = receivedBy`. */
  readonly ipi: {
    readonly sent: number;
    readonly received: number;
    readonly merged: number;
    readonly sameNode: number;
    readonly crossNode: number;
    readonly csd: number;
    readonly sentBy: readonly number[];
    readonly receivedBy: readonly number[];
    readonly mergedBy: readonly number[];
  };
  readonly calls: Calls;
  readonly rcu: { readonly gracePeriods: number };
  /** `dying` is the value at the end of the window, the others are differences. */
  readonly memcg: { readonly created: number; readonly dying: number; readonly freed: number };
  /** `live` and `dead` are values at the end of the window, the others are differences. */
  readonly caches: {
    readonly created: number;
    readonly destroyed: number;
    readonly live: number;
    readonly dead: number;
  };
  readonly messages: {
    readonly sameNode: number;
    readonly crossNode: number;
    readonly byKind: Readonly<Record<string, number>>;
    /** Those of `byKind` that went to another node. */
    readonly crossNodeByKind?: Readonly<Record<string, number>>;
  };
  readonly events: number;
  /** What interrupted each isolated CPU; only if there are any. */
  readonly isolated?: readonly IsolatedCpu[];
}

/** What interrupted the busy user task of one isolated CPU in a window. */
export interface IsolatedCpu {
  readonly cpu: number;
  /** Handler runs, by row of `/proc/interrupts`: function calls, wake-ups, timer interrupts. */
  readonly CAL: number;
  readonly RES: number;
  readonly LOC: number;
  /** Runs of softirqs after interrupts. */
  readonly softirqs: number;
  /** Switches to kernel threads, and to system calls of tasks pinned there. */
  readonly contextSwitches: number;
  /** ns of the machine's clock in which kernel code was on the CPU. */
  readonly stolenNs: number;
}

export interface PhaseCounters extends Counters {
  /** Time of the machine's own clock, ns; on the live machine host time x `timeScale`. */
  readonly elapsedModelNs?: number;
}

/** Keys in order of occurrence, e.g. `boot`, `create`, `settle`, `remove`. */
export type Phases = Readonly<Record<string, PhaseCounters>>;

/** Summary of a histogram, in nanoseconds of `clock`. */
export interface Duration {
  readonly clock: Clock;
  readonly unit: 'ns';
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
  /** How many took how long: `counts[n]` were shorter than `below[n]` and not shorter than the next lower quarter of a power of two. Bounds below which there are none are left out. */
  readonly distribution?: { readonly below: readonly number[]; readonly counts: readonly number[] };
}

/** One reading of the `Function call interrupts` line: its CPU0 column and the sum of all columns. */
export interface InterruptReading {
  readonly cpu0: number;
  readonly all: number;
}

/** What the script itself read before and after its loop. */
export interface ScriptReadings {
  readonly first: InterruptReading;
  readonly second: InterruptReading;
}

/** Dying memcgs and caches at one moment of an experiment that goes through generations of memcgs. */
export interface Sample {
  readonly phase: string;
  /** Memcgs made and removed so far. */
  readonly generation: number;
  /** Removed memcgs that have not been freed. */
  readonly dying: number;
  /** Caches that exist, roots and those of memcgs. */
  readonly caches: number;
  /** Directories of memcg caches in /sys/kernel/slab (SLUB). */
  readonly directories?: number;
}

/**
 * The machine from its boot to the end of the run, a column for each figure: what has happened since the boot (IPIs sent,
 * grace periods ended, rcu_barrier executed), and what exists (dying memcgs, caches). At most a few hundred moments.
 */
export interface Timeline {
  /** Machine time since the boot, ns. */
  readonly ns: readonly number[];
  readonly ipis: readonly number[];
  readonly gracePeriods: readonly number[];
  readonly barriers: readonly number[];
  readonly dying: readonly number[];
  readonly caches: readonly number[];
}

/** One round of `find-timing`: machine time of the find, and of the drop_caches after it, ns. */
export interface FindRepeat {
  readonly findNs: number;
  readonly dropNs: number;
}

/** What `find-timing` timed: the rounds in order, of which the first one also has the memcg's caches made. */
export interface FindTiming {
  /** Names that a find looks up. */
  readonly entries: number;
  readonly repeats: readonly FindRepeat[];
}

/** Caches of memcgs, and pages of their slabs, at one moment; `ns` of machine time after the last object was freed. */
export interface EmptiedSample {
  readonly ns: number;
  readonly caches: number;
  readonly pages: number;
}

/** What became of the caches of removed memcgs once nobody used an object of theirs. */
export interface Emptied {
  /** Caches and pages just before the last objects were freed, and at the end. */
  readonly before: { readonly caches: number; readonly pages: number };
  readonly after: { readonly caches: number; readonly pages: number };
  /** When the last cache was seen to be gone, ns of machine time after the last free; absent if one is left. */
  readonly goneAfterNs?: number;
  /** Pages that were held although nobody used an object in them, times seconds. */
  readonly pageSeconds: number;
  /** Samples that differ from the one before, and the last. */
  readonly samples: readonly EmptiedSample[];
}

/** What reparenting-2014 saw of caches that were adopted, and of pages that are no slabs. */
export interface Reparented {
  /** Caches in memory.kmem.slabinfo of the parent, before the files go. */
  readonly slabinfo?: number;
  /** What a memcg was charged for the kernel stack of a child, and for a kmalloc of 20,000 bytes (SLUB), bytes. */
  readonly stackBytes?: number;
  readonly largeBytes?: number;
}

/** The slowest kick of the window; `cpu` is the CPU that answered last. Times in ns of the engine's clock. */
export interface SlowestKick {
  readonly cpu: number;
  readonly sender: number;
  readonly ns: number;
  readonly send: number;
  readonly delivery: number;
  readonly irqOffWait: number;
  readonly handler: number;
  readonly ack: number;
}

/** The broker between the nodes: which program it is, and the address at which it was reached. */
export interface Broker {
  readonly kind: string;
  readonly server: string;
}

/** What the bare primitives cost on this computer, measured beside the run; medians in ns of host time. */
export interface Floors {
  /** One thread rings another and is rung back. */
  readonly pingPongNs: number;
  /** One thread rings as many as a node has other CPUs and waits for all. */
  readonly broadcastNs: number;
  /** The same between two threads of different nodes, through the broker; null with one node. */
  readonly crossNodeNs: number | null;
}

/** A duration's p50 beside the floor it stands on; ns of host time. */
export interface FloorRatio {
  readonly ns: number;
  readonly floor: number;
  readonly ratio: number;
}

/** Where the nodes of a run are, if they are registered nodes. */
export interface HostPairs {
  /** Host name of each node. */
  readonly names: readonly string[];
  /** Median of an idle message from each node (row) to each node (column) and back, before the run; ns of host time. */
  readonly roundTripNs: readonly (readonly number[])[];
}

/** What is particular to a run on the live machine. */
export interface LiveDetails {
  readonly broker: Broker;
  /** Cores that the run could use. */
  readonly cores: number;
  /** Simulated CPUs, each a thread. */
  readonly cpus: number;
  /** More CPUs than cores: host times show ordering and liveness, not cost. */
  readonly oversubscribed: boolean;
  /** Nodes were placed on cores of their own. */
  readonly pinned: boolean;
  /** Machine time per host time, for timers and jiffies. */
  readonly timeScale: number;
  /** Null if they were not measured. */
  readonly floors: Floors | null;
  readonly hosts?: HostPairs;
  /** By name of a duration. */
  readonly ratios: Readonly<Record<string, FloorRatio>>;
  /** Messages of the measured window: sent by each CPU, and from each node (row) to each node (column). */
  readonly messages: {
    readonly sentByCpu: readonly number[];
    readonly byNodePair: readonly (readonly number[])[];
  };
  /** When the last figures of each node are from, ns of machine time since power-on. */
  readonly asOf: readonly { readonly node: number; readonly ns: number }[];
}

/** What `--check-determinism` found. */
export interface DeterminismCheck {
  readonly same: boolean;
  readonly digest: string;
  readonly firstDifference?: string;
}

/** A patch of the user's that made no difference, and why. */
export interface IdlePatch {
  readonly name: string;
  readonly reason: 'changes-nothing' | 'never-called';
}

export interface RunResult {
  readonly schema: 'kmemlab.result/1';
  readonly experiment: string;
  readonly kernel: string;
  readonly patches: readonly string[];
  readonly config: readonly string[];
  readonly engine: 'sim' | 'live';
  readonly seed: number;
  /** `isolcpus` only if CPUs are isolated. */
  readonly machine: {
    readonly nodes: number;
    readonly cpusPerNode: number;
    readonly isolcpus?: readonly number[];
  };
  readonly params: Readonly<Record<string, number | string>>;
  /** Strategy, overridden costs, hashes of patch files, … */
  readonly settings?: Readonly<Record<string, JsonValue>>;
  /** Patches of the user's that made no difference; absent if all did. */
  readonly idlePatches?: readonly IdlePatch[];
  readonly outcome: Outcome;
  readonly failure?: Failure;
  readonly digest?: string;
  readonly determinism?: DeterminismCheck;
  readonly verdicts: readonly Verdict[];
  readonly findings: readonly Finding[];
  readonly script?: ScriptReadings;
  /** Samples in the order in which they were taken. */
  readonly series?: readonly Sample[];
  readonly emptied?: Emptied;
  readonly find?: FindTiming;
  readonly reparented?: Reparented;
  /** Differences over the experiment's measured window. */
  readonly counters: Counters;
  readonly phases: Phases;
  /** Absent if the machine did not come up. */
  readonly timeline?: Timeline;
  readonly durations: Readonly<Record<string, Duration>>;
  readonly slowestKick?: SlowestKick;
  /** Cost of creating one root cache after boot, measured in its own phase. */
  readonly rootCache?: { readonly kicks: number; readonly ipis: number };
  /** Modelled memory, in bytes; host memory is not part of it. */
  readonly memory?: { readonly modelledBytes: number; readonly perMemcgBytes: number };
  readonly elapsed: { readonly modelNs: number; readonly hostNs: number };
  /** Present if the engine is `live`. */
  readonly live?: LiveDetails;
}

/** Calls of one kernel function, 0 if it was never called. For `rcu_barrier`, the executed ones. */
export function callCount(counters: Counters, name: string): number {
  const value = counters.calls[name];
  if (value === undefined) return 0;
  return typeof value === 'number' ? value : value.executed;
}

/** Counters of a machine on which nothing has happened. */
export function emptyCounters(cpus: number): Counters {
  const perCpu = () => new Array<number>(cpus).fill(0);
  return {
    interrupts: { CAL: perCpu(), RES: perCpu() },
    ipi: {
      sent: 0,
      received: 0,
      merged: 0,
      sameNode: 0,
      crossNode: 0,
      csd: 0,
      sentBy: perCpu(),
      receivedBy: perCpu(),
      mergedBy: perCpu(),
    },
    calls: { rcu_barrier: { requested: 0, executed: 0 } },
    rcu: { gracePeriods: 0 },
    memcg: { created: 0, dying: 0, freed: 0 },
    caches: { created: 0, destroyed: 0, live: 0, dead: 0 },
    messages: { sameNode: 0, crossNode: 0, byKind: {}, crossNodeByKind: {} },
    events: 0,
  };
}
