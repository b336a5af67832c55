import type { Memory } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { functionName, functionNumber } from '../registry.js';

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

/** Words of a queued csd. */
const Slot = { fn: 0, info: 1, synchronous: 2, sender: 3, waiter: 4 } as const;
const SLOT_WORDS = 5;

/** Integers of the list: the first entry's slot plus 1, the number of slots ever tried, then per slot the next one and whether it is in use. */
const HEAD = 0;
const TRIED = 1;
const LINKS = 2;

/**
 * Slots of a queue, a power of two so that the count of slots tried may wrap. Each sender has at most a csd for this
 * target, its csd_data and a few synchronous ones.
 */
const slotsOf = (cpuCount: number): number => 1 << (32 - Math.clz32(8 * cpuCount + 63));

/**
 * A CPU's call_single_queue: an llist. Senders of several threads add at the same time, the CPU itself takes everything;
 * neither ever waits for the other.
 */
export class CallQueue {
  private readonly slots: number;
  private readonly links: Int32Array;

  /** Words that a queue needs on a machine of so many CPUs. */
  static words(cpuCount: number): number {
    return SLOT_WORDS * slotsOf(cpuCount);
  }

  /** @param words memory for the csds: `CallQueue.words(cpuCount)` of it */
  constructor(
    cpuCount: number,
    private readonly words: Float64Array,
    memory: Memory,
  ) {
    this.slots = slotsOf(cpuCount);
    this.links = memory.integers(LINKS + 2 * this.slots);
  }

  /** llist_add: returns true if the queue was empty before. @throws Error if no slot is free, so csds were not locked */
  add(csd: CallSingleData): boolean {
    const slot = this.takeSlot();
    const { words, links } = this;
    const base = SLOT_WORDS * slot;
    words[base + Slot.fn] = functionNumber('csd', csd.fn);
    words[base + Slot.info] = csd.info;
    words[base + Slot.synchronous] = Number(csd.synchronous);
    words[base + Slot.sender] = csd.sender;
    words[base + Slot.waiter] = csd.waiter;
    let first = Atomics.load(links, HEAD);
    for (;;) {
      links[LINKS + 2 * slot] = first;
      const found = Atomics.compareExchange(links, HEAD, first, slot + 1);
      if (found === first) return first === 0;
      first = found;
    }
  }

  /** llist_del_all and reversal: everything queued, oldest first. */
  takeAll(): readonly CallSingleData[] {
    const { links } = this;
    const taken: CallSingleData[] = [];
    let entry = Atomics.exchange(links, HEAD, 0);
    while (entry !== 0) {
      const slot = entry - 1;
      taken.push(this.read(slot));
      entry = links[LINKS + 2 * slot] as number;
      Atomics.store(links, LINKS + 2 * slot + 1, 0);
    }
    return taken.reverse();
  }

  private read(slot: number): CallSingleData {
    const { words } = this;
    const base = SLOT_WORDS * slot;
    return {
      fn: functionName('csd', words[base + Slot.fn] as number),
      info: words[base + Slot.info] as number,
      synchronous: words[base + Slot.synchronous] === 1,
      sender: words[base + Slot.sender] as number,
      waiter: words[base + Slot.waiter] as number,
    };
  }

  /** Slots are tried in turn; one may still belong to a sender that was interrupted while it filled it. */
  private takeSlot(): number {
    const { links, slots } = this;
    for (let tried = 0; tried < slots; tried++) {
      const slot = (Atomics.add(links, TRIED, 1) >>> 0) % slots;
      if (Atomics.exchange(links, LINKS + 2 * slot + 1, 1) === 0) return slot;
    }
    throw new Error(`a call queue holds ${slots} csds and cannot take more: a csd was reused while it was queued`);
  }
}

/** What flush_smp_call_function_queue runs: the whole queue of this CPU. */
export const takeCalls = (cpu: Cpu): readonly CallSingleData[] => cpu.ownWords.callQueue.takeAll();
