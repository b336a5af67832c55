import type { Cpu } from '../cpu.js';

/** One call_single_data as it travels: what to run on the target, and whom to tell. Source: kernel/smp.c, 4.10. */
export interface CallSingleData {
  /** Registered csd function. */
  readonly fn: string;
  readonly info: number;
  /** CSD_FLAG_SYNCHRONOUS: unlock only after the function has returned. */
  readonly synchronous: boolean;
  readonly sender: number;
  /** The sender's waiter that unlocking completes. */
  readonly waiter: number;
}

/** A CPU's call_single_queue: filled by handlers at its node, emptied as a whole by the CPU itself. */
export class CallQueue {
  private entries: CallSingleData[] = [];

  /** llist_add: returns true if the queue was empty before. */
  add(csd: CallSingleData): boolean {
    return this.entries.push(csd) === 1;
  }

  /** llist_del_all and reversal: everything queued, oldest first. */
  takeAll(): readonly CallSingleData[] {
    if (this.entries.length === 0) return [];
    const taken = this.entries;
    this.entries = [];
    return taken;
  }

  get length(): number {
    return this.entries.length;
  }
}

/** What flush_smp_call_function_queue runs: the whole queue of this CPU. */
export const takeCalls = (cpu: Cpu): readonly CallSingleData[] => cpu.ownWords.callQueue.takeAll();
