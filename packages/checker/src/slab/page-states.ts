import { type Handle, homeOf, indexOf, type ObjectRef, pageOf, type Step, slotOf } from '@kmemlab/machine';
import { Reporter } from '../reporter.js';
import type { CacheState } from './cache-states.js';

/** One slab as its users see it: which objects are live, and who allocated or freed each last. */
export class PageState {
  live = 0;
  /** Of each object's last step: ±(CPU + 1), positive while it is live, 0 if there was none; then its time, ns. */
  private readonly last: Float64Array;

  constructor(
    readonly page: Handle,
    readonly cache: CacheState,
    readonly num: number,
    /** Who added the slab to the cache, and when, ns. */
    private readonly addedBy: number,
    private readonly addedAt: number,
  ) {
    this.last = new Float64Array(2 * num);
  }

  isLive(object: ObjectRef): boolean {
    return (this.last[2 * slotOf(object)] as number) > 0;
  }

  allocate(object: ObjectRef, cpu: number, time: number): void {
    this.note(object, cpu + 1, time);
    this.live++;
  }

  free(object: ObjectRef, cpu: number, time: number): void {
    this.note(object, -(cpu + 1), time);
    this.live--;
  }

  private note(object: ObjectRef, by: number, time: number): void {
    const at = 2 * slotOf(object);
    this.last[at] = by;
    this.last[at + 1] = Math.floor(time);
  }

  /** The step that allocated or freed the object last; if it was never handed out, the one that added its slab. */
  lastStep(object: ObjectRef): Step {
    const at = 2 * slotOf(object);
    const by = this.last[at] as number;
    if (by === 0) return Reporter.past(this.addedBy, 'cache_grow', this.addedAt);
    const fn = by > 0 ? 'kmem_cache_alloc' : 'kmem_cache_free';
    return Reporter.past(Math.abs(by) - 1, fn, this.last[at + 1] as number);
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
