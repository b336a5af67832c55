import {
  type KernelNode,
  outOfSlotOf,
  type PercpuRef,
  REF_BIAS,
  type RefOwner,
  refOwners,
  rootMemcg,
} from '@kmemlab/kernel';
import { type Handle, homeOf, type Step } from '@kmemlab/machine';
import type { Leaks } from '../leaks/leaks.js';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { refRules } from './rules.js';

const REF_1 = refRules.releasedOnce.id;
const CSS = refOwners.indexOf('css');
const CACHE = refOwners.indexOf('cache');
const OBJCG = refOwners.indexOf('objcg');

export const nameOf = (kind: number, object: Handle): string =>
  `percpu_ref of ${refOwners[kind]} ${object.toString(16)}`;

/** The shared part of a reference, if its owner exists. */
export function refOf(view: MachineView, kind: number, object: Handle): PercpuRef | undefined {
  const node = view.nodes[homeOf(object)];
  const owners = { css: node?.csses, cache: node?.caches, objcg: node?.objCgroups };
  return owners[refOwners[kind] as RefOwner]?.peek(object)?.ref;
}

/** All CPUs' counters of a reference. */
export function percpuSum(view: MachineView, kind: number, object: Handle): number {
  const owner = refOwners[kind] as (typeof refOwners)[number];
  let sum = 0;
  for (const node of view.nodes) for (const words of node.allWords()) sum += words.refs[owner].peek(object);
  return sum;
}

/**
 * A quiet machine: the counters of each reference against those who hold it (REF-7), and caches and obj_cgroups that stay because
 * their reference was never killed or released (REF-1).
 */
export class RefSums {
  /** @param lastStep what has happened last to a reference that was killed */
  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly leaks: Leaks,
    private readonly lastStep: (kind: number, object: Handle) => Step | undefined,
  ) {}

  run(): void {
    const { nodes, build } = this.view;
    const holders = this.leaks.holders();
    for (const node of nodes) {
      const root = rootMemcg(node.published);
      for (const [css, { parent, ref }] of node.csses.entries()) {
        if (css !== root && parent !== 0) this.check(CSS, css, ref, holders.get(css) ?? 0);
      }
    }
    for (const { objCgroups } of nodes) {
      for (const [objcg, { ref }] of objCgroups.entries()) this.checkReleased(OBJCG, objcg, ref);
    }
    if (build.policies.memcg.links === null) return;
    this.checkKilled();
    const pages = this.pagesByCache();
    for (const node of nodes) {
      for (const [cache, { root, ref }] of node.caches.entries()) {
        if (root === 0) continue;
        this.check(CACHE, cache, ref, pages.get(cache) ?? 0);
        if (!this.isDying(root)) this.checkReleased(CACHE, cache, ref);
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
        this.leaks.report(
          nameOf(CACHE, cache),
          undefined,
          'its cache has left its slot, but nobody has killed it',
          REF_1,
        );
      }
    }
  }

  private checkReleased(kind: number, object: Handle, { dead, count }: PercpuRef): void {
    if (!dead || count !== 0) return;
    const detail = 'nobody holds it, but its owner is still there: nobody will free it';
    this.leaks.report(nameOf(kind, object), this.lastStep(kind, object), detail, REF_1);
  }

  private pagesByCache(): Map<Handle, number> {
    const pages = new Map<Handle, number>();
    for (const node of this.view.nodes) {
      for (const [, { cache, order }] of node.pages.entries()) pages.set(cache, (pages.get(cache) ?? 0) + 2 ** order);
    }
    return pages;
  }

  /** A killed css with more references than holders is never released; that is a leak, and reported as such. */
  private check(kind: number, object: Handle, { count, dead }: PercpuRef, held: number): void {
    const percpu = percpuSum(this.view, kind, object);
    const sum = count - (dead ? 0 : REF_BIAS) + percpu;
    const expected = held + (dead ? 0 : 1);
    if (dead && percpu !== 0) {
      this.fails(kind, object, `${percpu} references in counters that the switch has summed up already`);
    } else if (sum < expected || (sum > expected && !(dead && kind === CSS))) {
      this.fails(kind, object, `${sum} references are counted, ${expected} are held`);
    }
  }

  private fails(kind: number, object: Handle, detail: string): void {
    const now = { ...this.view.where(0), function: 'audit' };
    this.reporter.broken(refRules.sum, nameOf(kind, object), undefined, now, detail);
  }
}
