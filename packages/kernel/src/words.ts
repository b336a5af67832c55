import type { Memory, Topology } from '@kmemlab/machine';
import { CpuStock } from './mm/memcontrol/cpu-stock.js';
import type { LruvecTable } from './mm/memcontrol/lruvec-counters.js';
import type { CpuArrays } from './mm/slab/cpu-array-table.js';
import type { CpuSlabs } from './mm/slub/kmem-cache-cpu.js';
import type { PercpuCounters, RefOwner } from './percpu-ref/counters.js';
import { type Flavour, rcuFlavours } from './rcu/flavours.js';
import { CallQueue } from './smp/call-queue.js';
import { CallTimes } from './smp/state.js';

/** Rows of /proc/interrupts, in the order of their words. */
const ROWS = ['call', 'reschedule', 'localTimer', 'tlb'] as const;

type InterruptRow = (typeof ROWS)[number];

/** What else takes a CPU away from its user tasks: softirq runs, context switches, and ns spent in the kernel meanwhile. */
const DISTURBANCES = ['softirqs', 'contextSwitches', 'stolenNs'] as const;

type Disturbance = (typeof DISTURBANCES)[number];
export type Disturbances = Record<Disturbance, number>;

/** Numbers that are counted where others see them; `copy` is plain data. */
type Counts<T extends string> = Record<T, number> & { copy(): Record<T, number> };

/** Places of a CPU's other words. */
const Word = {
  busy: ROWS.length,
  rcuUrgent: ROWS.length + 1,
  disturbances: ROWS.length + 2,
  rcuCallbacks: ROWS.length + 2 + DISTURBANCES.length,
} as const;
const WORDS = Word.rcuCallbacks + rcuFlavours.length;

/** A class of objects that count these names in a CPU's words, from one of them on. Its accessors are the prototype's: that is fast. */
function countsFrom<T extends string>(first: number, names: readonly T[]): new (words: Float64Array) => Counts<T> {
  class CountsInWords {
    constructor(readonly words: Float64Array) {}

    copy(): Record<string, number> {
      return Object.fromEntries(names.map((name, index) => [name, this.words[first + index] as number]));
    }
  }
  for (const [index, name] of names.entries()) {
    Object.defineProperty(CountsInWords.prototype, name, {
      get(this: CountsInWords) {
        return this.words[first + index];
      },
      set(this: CountsInWords, count: number) {
        this.words[first + index] = count;
      },
    });
  }
  return CountsInWords as unknown as ReturnType<typeof countsFrom<T>>;
}

/** Handler runs per row of /proc/interrupts. */
const InterruptCounts = countsFrom(0, ROWS);
const DisturbanceCounts = countsFrom(Word.disturbances, DISTURBANCES);

/**
 * Remote-readable per-CPU words: written by the CPU (the call queue, call times and the idle word by handlers, too), read
 * by its node's handlers without disturbing the CPU. Nothing else of a CPU is visible from outside.
 */
export class CpuWords {
  readonly interrupts: Counts<InterruptRow>;
  readonly disturbances: Counts<Disturbance>;
  readonly callQueue: CallQueue;
  readonly callTimes: CallTimes;
  readonly stock: CpuStock;
  private readonly words: Float64Array;
  private readonly dynticksWord: Int32Array;

  constructor(
    readonly cpu: number,
    { cpuCount }: Topology,
    memory: Memory,
    /** array_caches by array set. */
    readonly arrays: CpuArrays,
    /** percpu_ref counters, by what they count references to. */
    readonly refs: Readonly<Record<RefOwner, PercpuCounters>>,
    /** Counters of slab pages by memcg and node, and the CPU's place among them. */
    readonly lruvecs: { readonly table: LruvecTable; readonly index: number },
    /** kmem_cache_cpus by cache. */
    readonly cpuSlabs: CpuSlabs,
  ) {
    const words = memory.words();
    const callQueue = WORDS + CallTimes.words(cpuCount);
    const stock = callQueue + CallQueue.words(cpuCount);
    const all = stock + CpuStock.words;
    words.ensure(all);
    this.words = words.view;
    this.dynticksWord = memory.integers(1);
    this.interrupts = new InterruptCounts(this.words);
    this.disturbances = new DisturbanceCounts(this.words);
    this.callTimes = new CallTimes(this.words.subarray(WORDS, callQueue));
    this.callQueue = new CallQueue(cpuCount, this.words.subarray(callQueue, stock), memory);
    this.stock = new CpuStock(this.words.subarray(stock, all));
  }

  /** No task is on the CPU, neither in the kernel nor in user mode. */
  get idle(): boolean {
    return this.words[Word.busy] === 0;
  }

  set idle(idle: boolean) {
    this.words[Word.busy] = Number(!idle);
  }

  /**
   * Even while idle, and on a nohz_full CPU in user mode; odd otherwise. A change is ordered before all that the CPU reads
   * afterwards (atomic_inc in rcu_dynticks).
   */
  get dynticks(): number {
    return Atomics.load(this.dynticksWord, 0);
  }

  set dynticks(count: number) {
    Atomics.store(this.dynticksWord, 0, count);
  }

  /** A grace period has waited long for this CPU: it is to reschedule (rcu_sched_qs_mask). Set by handlers. */
  get rcuUrgent(): boolean {
    return this.words[Word.rcuUrgent] === 1;
  }

  set rcuUrgent(urgent: boolean) {
    this.words[Word.rcuUrgent] = Number(urgent);
  }

  /** RCU callbacks of a flavour queued and not yet invoked. */
  rcuCallbacks(flavour: Flavour): number {
    return this.words[Word.rcuCallbacks + flavour] as number;
  }

  setRcuCallbacks(flavour: Flavour, count: number): void {
    this.words[Word.rcuCallbacks + flavour] = count;
  }
}
