import { CacheField } from '@kmemlab/kernel';
import type { Handle, Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { AnsweredCalls } from '../smp/answered-calls.js';
import type { MachineView } from '../types.js';
import { slabRules } from './rules.js';

interface Unpublished {
  /** Its place in the order of calls and publications. */
  readonly place: number;
  readonly step: Step;
}

/** SLAB-4: who touches per-CPU arrays, and when. SLAB-8: what is in them when their cache goes. */
export class ArraySets {
  /** Array sets replaced and not yet freed. */
  private readonly unpublished = new Map<Handle, Unpublished>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly calls: AnsweredCalls,
  ) {}

  unpublish(cpu: number, set: Handle): void {
    this.unpublished.set(set, { place: this.calls.next(), step: this.view.where(cpu) });
  }

  release(set: Handle): void {
    this.unpublished.delete(set);
  }

  /**
   * SLAB-4. The breach itself does no harm as long as the owner does not come back to the array; if it does, the kernel's
   * own use-after-free names what happened better. Nobody uses the arrays of a CPU that is offline.
   */
  accessRemote(cpu: number, cache: Handle, set: Handle, owner: number): void {
    const node = this.view.nodes[this.view.topology.nodeOf(cpu)];
    if (node?.published.isOnline(owner) === false) return;
    const unpublished = this.unpublished.get(set);
    if (unpublished !== undefined && this.calls.hasAnsweredSince(owner, unpublished.place)) return;
    const detail =
      unpublished === undefined
        ? `the array of CPU${owner} is emptied by CPU${cpu} while it is published`
        : `the array of CPU${owner} is emptied by CPU${cpu}; no call has made CPU${owner} drop it since it was replaced`;
    const object = `array_cache set ${set.toString(16)} of cache ${cache.toString(16)}`;
    this.reporter.brokenSoFar(slabRules.arrayOwner, object, unpublished?.step, this.view.where(cpu), detail);
  }

  /** SLAB-8: a cache is about to be released. */
  checkEmpty(cpu: number, cache: Handle): void {
    for (const node of this.view.nodes) {
      const set = node.published.caches.read(cache, CacheField.cpuCache);
      for (const words of node.allWords()) {
        const entries = words.arrays.get(set)?.avail ?? 0;
        if (entries > 0) this.fails(cpu, cache, `${entries} objects in the array of CPU${words.cpu}`);
      }
      const lists = node.slabNodes.get(cache);
      const shared = lists?.shared?.length ?? 0;
      if (shared > 0) this.fails(cpu, cache, `${shared} objects in the shared array of node ${node.id}`);
      for (const [home, objects] of lists?.alien ?? []) {
        if (objects.length > 0) this.fails(cpu, cache, `${objects.length} objects for node ${home} in an alien array`);
      }
    }
  }

  private fails(cpu: number, cache: Handle, what: string): void {
    const object = `cache ${cache.toString(16)}`;
    this.reporter.broken(slabRules.arraysPin, object, undefined, this.view.where(cpu), `released with ${what}`);
  }
}
