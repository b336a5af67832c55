import { type Handle, homeOf, indexOf, type ObjectRef, pageOf, type Step, slotOf } from '@kmemlab/machine';
import { Reporter } from '../reporter.js';
import type { CacheState } from './cache-states.js';

/** One slab as its users see it: which objects are live, and who allocated or freed each last. */
export class PageState {
  live = 0;
  /**
   * Last step of each object as ±((time + 1) × CPUs + CPU): positive while it is live, 0 if there was none. One number, since every
   * trial of a search restores all of them, and no typed array, of which one of more than 64 bytes takes ten times as long to make.
   * Times up to 2^53 ns divided by the CPUs are exact, a month on four.
   */
  private readonly last: number[];

  constructor(
    readonly page: Handle,
    readonly cache: CacheState,
    readonly num: number,
    /** Of the machine. */
    private readonly cpus: number,
    /** Who added the slab to the cache, and when, ns. */
    private readonly addedBy: number,
    private readonly addedAt: number,
  ) {
    this.last = new Array<number>(num).fill(0);
  }

  isLive(object: ObjectRef): boolean {
    return (this.last[slotOf(object)] as number) > 0;
  }

  allocate(object: ObjectRef, cpu: number, time: number): void {
    this.last[slotOf(object)] = (Math.floor(time) + 1) * this.cpus + cpu;
    this.live++;
  }

  free(object: ObjectRef, cpu: number, time: number): void {
    this.last[slotOf(object)] = -((Math.floor(time) + 1) * this.cpus + cpu);
    this.live--;
  }

  /** The step that allocated or freed the object last; if it was never handed out, the one that added its slab. */
  lastStep(object: ObjectRef): Step {
    const last = this.last[slotOf(object)] as number;
    if (last === 0) return Reporter.past(this.addedBy, 'cache_grow', this.addedAt);
    const packed = Math.abs(last);
    const fn = last > 0 ? 'kmem_cache_alloc' : 'kmem_cache_free';
    return Reporter.past(packed % this.cpus, fn, Math.floor(packed / this.cpus) - 1);
  }
}

/** The slabs in existence, by home node and index of their page. */
export class PageStates {
  private readonly nodes: (PageState | undefined)[][];

  constructor(nodes: number) {
    this.nodes = Array.from({ length: nodes }, () => []);
  }

  get(page: Handle): PageState | undefined {
    const state = this.nodes[homeOf(page)]?.[indexOf(page)];
    return state !== undefined && state.page === page ? state : undefined;
  }

  ofObject(object: ObjectRef): PageState | undefined {
    return this.get(pageOf(object));
  }

  add(state: PageState): void {
    const table = this.nodes[homeOf(state.page)] as (PageState | undefined)[];
    const index = indexOf(state.page);
    while (table.length < index) table.push(undefined);
    table[index] = state;
  }

  remove(page: Handle): void {
    const table = this.nodes[homeOf(page)] as (PageState | undefined)[];
    table[indexOf(page)] = undefined;
  }
}
