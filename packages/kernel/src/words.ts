import type { Handle } from '@kmemlab/machine';
import type { ArrayCache } from './mm/slab/array-cache.js';
import { PercpuCounters } from './percpu-ref/counters.js';
import { CallQueue } from './smp/call-queue.js';
import { CallTimes } from './smp/state.js';

/** Handler runs per row of /proc/interrupts. */
export interface InterruptCounts {
  call: number;
  reschedule: number;
  localTimer: number;
  tlb: number;
}

/**
 * Remote-readable per-CPU words: written by the CPU (the call queue and call times by handlers), read by its node's
 * handlers without disturbing the CPU. Nothing else of a CPU is visible from outside.
 */
export class CpuWords {
  readonly interrupts: InterruptCounts = { call: 0, reschedule: 0, localTimer: 0, tlb: 0 };
  readonly callQueue = new CallQueue();
  readonly callTimes: CallTimes;
  /** array_caches by array set. */
  readonly arrays = new Map<Handle, ArrayCache>();
  /** percpu_ref counters. */
  readonly refs = new PercpuCounters();
  /** No task is on the CPU, neither in the kernel nor in user mode. */
  idle = true;
  /** Even while idle, odd otherwise. */
  dynticks = 0;
  /** RCU callbacks queued and not yet invoked. */
  rcuCallbacks = 0;

  constructor(
    readonly cpu: number,
    cpuCount: number,
  ) {
    this.callTimes = new CallTimes(cpuCount);
  }
}
