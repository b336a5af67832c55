import type { Step } from '@kmemlab/machine';
import { HOTPLUG_READ, HOTPLUG_WRITE } from './lock-order.js';

interface Holding {
  readonly since: Step;
  /** Read sections that it is in; they nest. */
  depth: number;
}

/** Which tasks hold cpu_hotplug, for reading or for writing. */
export class HotplugHolders {
  private readonly readers = new Map<number, Holding>();
  private readonly writers = new Map<number, Holding>();

  hold(task: number, writes: boolean, since: Step): void {
    const holders = writes ? this.writers : this.readers;
    const holding = holders.get(task);
    if (holding === undefined) holders.set(task, { since, depth: 1 });
    else holding.depth++;
  }

  letGo(task: number, writes: boolean): void {
    const holders = writes ? this.writers : this.readers;
    const holding = holders.get(task);
    if (holding !== undefined && --holding.depth === 0) holders.delete(task);
  }

  /** In what way the task holds the lock, and since when; undefined if it does not. */
  of(task: number): { readonly lock: number; readonly since: Step } | undefined {
    const [read, written] = [this.readers.get(task), this.writers.get(task)];
    if (written !== undefined) return { lock: HOTPLUG_WRITE, since: written.since };
    return read === undefined ? undefined : { lock: HOTPLUG_READ, since: read.since };
  }
}
