import { type KernelNode, outOfSlotOf, type PercpuRef, refOwners } from '@kmemlab/kernel';
import { type Handle, homeOf } from '@kmemlab/machine';
import type { Leaks } from '../leaks/leaks.js';
import type { Family, MachineView, Rest } from '../types.js';
import type { PercpuRefs } from './percpu-refs.js';
import { nameOf, refOf } from './ref-sums.js';
import { refRules } from './rules.js';

const CACHE = refOwners.indexOf('cache');
const OBJCG = refOwners.indexOf('objcg');

/**
 * REF-1 on a quiet machine: caches and obj_cgroups that stay because their reference was never killed, or nothing came of its
 * last put. A css that stays so is a leak without a number. Audited late: what has lost the step between says more.
 */
export class LostReferences implements Family {
  readonly listeners: Family['listeners'] = [];

  constructor(
    private readonly view: MachineView,
    private readonly refs: PercpuRefs,
    private readonly leaks: Leaks,
  ) {}

  audit(rest: Rest): void {
    if (rest !== 'quiet') return;
    for (const { objCgroups } of this.view.nodes) {
      for (const [objcg, { ref }] of objCgroups.entries()) this.checkReleased(OBJCG, objcg, ref);
    }
    if (this.view.build.policies.memcg.links === null) return;
    this.checkKilled();
    for (const { caches } of this.view.nodes) {
      for (const [cache, { root, ref }] of caches.entries()) {
        if (root !== 0 && !this.isDying(root)) this.checkReleased(CACHE, cache, ref);
      }
    }
  }

  /** A root that is being destroyed takes its caches along; they are not killed or released one by one (V4-d if it stays). */
  private isDying(root: Handle): boolean {
    return this.view.nodes[homeOf(root)]?.caches.peek(root)?.dying === true;
  }

  /** Caches that nothing leads to any more have lost their first reference. */
  private checkKilled(): void {
    const [boot] = this.view.nodes;
    for (const root of boot?.cacheList.roots() ?? []) {
      if (this.isDying(root)) continue;
      for (const cache of outOfSlotOf(boot as KernelNode, root)) {
        if (refOf(this.view, CACHE, cache)?.dead !== false) continue;
        this.report(CACHE, cache, 'its cache has left its slot, but nobody has killed it');
      }
    }
  }

  private checkReleased(kind: number, object: Handle, { dead, count }: PercpuRef): void {
    if (dead && count === 0)
      this.report(kind, object, 'nobody holds it, but its owner is still there, and nobody will free it');
  }

  private report(kind: number, object: Handle, detail: string): void {
    this.leaks.report(nameOf(kind, object), this.refs.lastStep(kind, object), detail, refRules.releasedOnce.id);
  }
}
