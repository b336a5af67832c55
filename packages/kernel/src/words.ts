import type { Memory, Topology } from '@kmemlab/machine';
import type { CpuArrays } from './mm/slab/cpu-arrays.js';
import type { PercpuCounters } from './percpu-ref/counters.js';
import { CallQueue } from './smp/call-queue.js';
import { CallTimes } from './smp/state.js';

/** Handler runs per row of /proc/interrupts. */
export interface InterruptRuns {
  readonly call: number;
  readonly reschedule: number;
  readonly localTimer: number;
  readonly tlb: number;
}

/** Places of a CPU's words. */
const Word = { call: 0, reschedule: 1, localTimer: 2, tlb: 3, busy: 4, rcuCallbacks: 5 } as const;
const WORDS = 6;

/** Handler runs of one CPU, counted in its words. */
class InterruptCounts implements InterruptRuns {
  constructor(private readonly words: Float64Array) {}

  get call(): number {
    return this.words[Word.call] as number;
  }

  set call(count: number) {
    this.words[Word.call] = count;
  }

  get reschedule(): number {
    return this.words[Word.reschedule] as number;
  }

  set reschedule(count: number) {
    this.words[Word.reschedule] = count;
  }

  get localTimer(): number {
    return this.words[Word.localTimer] as number;
  }

  set localTimer(count: number) {
    this.words[Word.localTimer] = count;
  }

  get tlb(): number {
    return this.words[Word.tlb] as number;
  }

  /** The counts as they are now, as plain data. */
  read(): InterruptRuns {
    const { call, reschedule, localTimer, tlb } = this;
    return { call, reschedule, localTimer, tlb };
  }
}

/**
 * Remote-readable per-CPU words: written by the CPU (the call queue, call times and the idle word by handlers, too), read
 * by its node's handlers without disturbing the CPU. Nothing else of a CPU is visible from outside.
 */
export class CpuWords {
  readonly interrupts: InterruptCounts;
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
    /** percpu_ref counters. */
    readonly refs: PercpuCounters,
  ) {
    const words = memory.words();
    const callQueue = WORDS + CallTimes.words(cpuCount);
    const all = callQueue + CallQueue.words(cpuCount);
    words.ensure(all);
    this.words = words.view;
    this.dynticksWord = memory.integers(1);
    this.interrupts = new InterruptCounts(this.words);
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
