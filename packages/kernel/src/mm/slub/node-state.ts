import type { Handle, Step } from '@kmemlab/machine';
import type { SlubCacheNode } from './cache-node.js';

/** Steps that freed a cache's node structures are kept for this many caches, for verdicts. */
const FREED_KEPT = 4096;

/** What SLUB keeps on one node. */
export class SlubState {
  readonly nodes = new Map<Handle, SlubCacheNode>();
  private readonly freed = new Map<Handle, Step>();

  noteFreed(cache: Handle, step: Step): void {
    this.freed.set(cache, step);
    const [oldest] = this.freed.keys();
    if (this.freed.size > FREED_KEPT && oldest !== undefined) this.freed.delete(oldest);
  }

  /** The step that freed a cache's structures here, if it is remembered. */
  freedStep(cache: Handle): Step | undefined {
    return this.freed.get(cache);
  }
}
