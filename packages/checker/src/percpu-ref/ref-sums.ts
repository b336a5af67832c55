import { type PercpuRef, REF_BIAS, type RefOwner, refOwners, rootMemcg } from '@kmemlab/kernel';
import { type Handle, homeOf } from '@kmemlab/machine';
import type { Leaks } from '../leaks/leaks.js';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { refRules } from './rules.js';

const CSS = refOwners.indexOf('css');
const CACHE = refOwners.indexOf('cache');

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

/** REF-7 on a quiet machine: the counters of each reference against those who hold it. */
export class RefSums {
  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly leaks: Leaks,
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
    if (build.policies.memcg.links === null) return;
    const pages = this.pagesByCache();
    for (const node of nodes) {
      for (const [cache, { root, ref }] of node.caches.entries()) {
        if (root !== 0) this.check(CACHE, cache, ref, pages.get(cache) ?? 0);
      }
    }
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
