import type { Memory, Topology } from '@kmemlab/machine';
import type { CpuArrays } from './mm/slab/cpu-arrays.js';
import type { CpuSlabs } from './mm/slub/cpu-slabs.js';
import type { PercpuCounters, RefOwner } from './percpu-ref/counters.js';
import { CallQueue } from './smp/call-queue.js';
import { CallTimes } from './smp/state.js';

/** Rows of /proc/interrupts, in the order of their words. */
const ROWS = ['call', 'reschedule', 'localTimer', 'tlb'] as const;

/** Handler runs per row of /proc/interrupts. */
export type InterruptRuns = Record<(typeof ROWS)[number], number>;

/** Places of a CPU's other words. */
const Word = { busy: ROWS.length, rcuCallbacks: ROWS.length + 1 } as const;
const WORDS = ROWS.length + 2;

/** Handler runs that are counted in a CPU's words; a copy with `...` is plain data. */
function countedIn(words: Float64Array): InterruptRuns {
  const counts = ROWS.map((row, at): [string, PropertyDescriptor] => [
    row,
    {
      enumerable: true,
      get: () => words[at],
      set: (count: number) => {
        words[at] = count;
      },
    },
  ]);
  return Object.defineProperties({}, Object.fromEntries(counts)) as InterruptRuns;
}

/**
 * Remote-readable per-CPU words: written by the CPU (the call queue, call times and the idle word by handlers, too), read
 * by its node's handlers without disturbing the CPU. Nothing else of a CPU is visible from outside.
 */
export class CpuWords {
  readonly interrupts: InterruptRuns;
  readonly callQueue: CallQueue;
  readonly callTimes: CallTimes;
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
    /** kmem_cache_cpus by cache. */
    readonly cpuSlabs: CpuSlabs,
  ) {
    const words = memory.words();
    const callQueue = WORDS + CallTimes.words(cpuCount);
    const all = callQueue + CallQueue.words(cpuCount);
    words.ensure(all);
    this.words = words.view;
    this.dynticksWord = memory.integers(1);
    this.interrupts = countedIn(this.words);
    this.callTimes = new CallTimes(this.words.subarray(WORDS, callQueue));
    this.callQueue = new CallQueue(cpuCount, this.words.subarray(callQueue, all), memory);
  }

  /** No task is on the CPU, neither in the kernel nor in user mode. */
  get idle(): boolean {
    return this.words[Word.busy] === 0;
  }

  set idle(idle: boolean) {
    this.words[Word.busy] = Number(!idle);
  }

  /** Even while idle, odd otherwise. A change is ordered before all that the CPU reads afterwards (atomic_inc in rcu_dynticks). */
  get dynticks(): number {
    return Atomics.load(this.dynticksWord, 0);
  }

  set dynticks(count: number) {
    Atomics.store(this.dynticksWord, 0, count);
  }

  /** RCU callbacks queued and not yet invoked. */
  get rcuCallbacks(): number {
    return this.words[Word.rcuCallbacks] as number;
  }

  set rcuCallbacks(count: number) {
    this.words[Word.rcuCallbacks] = count;
  }
}
