import { CacheField, type KernelNode, SlabFlag, Trace } from '@kmemlab/kernel';
import { actorOf, type Handle, type Step, type Verdict } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { Family, MachineView, Rest } from '../types.js';
import { DYING_ROOT, dyingRoots } from './dying-roots.js';
import { forgottenObjects } from './forgotten-objects.js';
import { type CacheHistory, orphanedCaches } from './orphaned-caches.js';

type Css = NonNullable<ReturnType<KernelNode['csses']['peek']>>;

/**
 * Leaks: what exists on a quiet machine although nothing can ever release it. A killed css has no references, or more than there are
 * holders; a cache is on no list; a page is of no slab; a creation item is on no queue; what waits for a grace period has no callback. What a live object, a stock or a
 * child still holds can be released later, and is a finding.
 */
export class Leaks implements Family {
  /** Where each css was killed that has not been freed. */
  private readonly killed = new Map<Handle, Step>();

  /** Caches that go by destroy works. */
  private readonly histories = new Map<Handle, CacheHistory>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  readonly listeners: Family['listeners'] = [
    [Trace.cssKill, (cpu, css) => this.killed.set(css, this.view.where(cpu))],
    [Trace.cssFree, (_cpu, css) => this.killed.delete(css)],
    [Trace.cacheCreate, (cpu, cache, root) => this.made(cpu, cache, root)],
    [Trace.cacheDangling, (cpu, cache) => this.leftAlone(cpu, cache)],
    [Trace.cacheRelease, (_cpu, cache) => this.histories.delete(cache)],
  ];

  private made(cpu: number, cache: Handle, root: Handle): void {
    if (root === 0 || this.view.build.policies.memcg.childCaches === null) return;
    this.histories.set(cache, { made: this.view.where(cpu) });
  }

  private leftAlone(cpu: number, cache: Handle): void {
    const step = this.view.where(cpu);
    const { made = step } = this.histories.get(cache) ?? {};
    this.histories.set(cache, { made, left: { why: this.waitsForRcu(cache) ? 'empty' : 'in use', step } });
  }

  /** The cache is RCU-typed, and no object of it is in use. */
  private waitsForRcu(cache: Handle): boolean {
    const flags = this.view.nodes[0]?.published.caches.read(cache, CacheField.flags) ?? 0;
    if ((flags & SlabFlag.destroyByRcu) === 0) return false;
    return !this.view.nodes.some(({ pages }) =>
      pages.entries().some(([, page]) => page.cache === cache && page.active > 0),
    );
  }

  audit(rest: Rest): void {
    if (rest !== 'quiet') return;
    const { childCaches } = this.view.build.policies.memcg;
    this.checkReferences();
    for (const node of this.view.nodes) this.checkUnreachable(node);
    for (const { object, detail } of forgottenObjects(this.view.nodes)) this.report(object, undefined, detail);
    for (const { cache, id, last, detail } of orphanedCaches(this.view.nodes, childCaches?.counts, this.histories))
      this.report(`cache ${cache.toString(16)}`, last, detail, id);
    for (const found of dyingRoots(this.view.nodes, this.view.build)) {
      this.reporter.found({ ...found, id: DYING_ROOT, steps: [{ ...this.view.where(0), function: 'audit' }] });
    }
  }

  private checkReferences(): void {
    const holders = this.holders();
    for (const node of this.view.nodes) {
      for (const [handle, css] of node.csses.entries()) {
        if (css.ref.dead) this.checkCss(handle, css, holders.get(handle) ?? 0);
      }
    }
  }

  private checkCss(handle: Handle, { name, ref, memcg }: Css, held: number): void {
    const surplus = ref.count - held;
    if (surplus <= 0 && ref.count !== 0) return;
    const what = memcg === null ? 'cgroup' : 'memcg';
    const references =
      ref.count === 0
        ? 'no references left, and nobody is about to free it'
        : `${ref.count} references, of which ${surplus} have no holder left`;
    const detail = `${what} "${name}" was removed and has ${references}: it is never freed`;
    this.report(`${what} ${handle.toString(16)}`, this.killed.get(handle), detail);
  }

  /**
   * References of each css that something holds: charged pages and stocks or, in a kernel where these hold none, registered
   * caches and kmem usage; linked caches, tasks until their task_struct goes, children, its cgroup's own css, inherited
   * obj_cgroups, creation items.
   */
  holders(): Map<Handle, number> {
    const counts = new Map<Handle, number>();
    const add = (css: Handle, n: number): void => {
      if (css !== 0) counts.set(css, (counts.get(css) ?? 0) + n);
    };
    const { pagesHoldCss, cssRefsOfBlock, childCaches } = this.view.build.policies.memcg;
    for (const node of this.view.nodes) {
      if (pagesHoldCss) for (const [, page] of node.pages.entries()) add(page.memcg, cssRefsOfBlock(page.order));
      for (const [, { memcg }] of node.createWorks.entries()) add(memcg, 1);
      for (const [, task] of node.tasks.entries()) {
        add(task.exiting ? task.lastMemcg : node.published.tasks.memcgOf(task.pid), 1);
      }
      for (const [handle, css] of node.csses.entries()) {
        add(css.parent, 1);
        if (css.memcg === null) continue;
        add(css.self, 1);
        add(handle, css.memcg.inherited.size + Number(css.memcg.kmemDead));
        if (childCaches?.holdsMemcg === true) add(handle, css.memcg.slabCaches.length);
      }
      if (this.view.build.policies.memcg.links === null) continue;
      for (const [, { memcg }] of node.caches.entries()) add(memcg, 1);
    }
    for (let cpu = 0; cpu < this.view.topology.cpuCount; cpu++) {
      const stock = this.view.stock(cpu);
      add(stock.css, this.view.build.policies.memcg.stockRefs(stock));
    }
    return counts;
  }

  private checkUnreachable(node: KernelNode): void {
    const lists = this.view.nodes[0]?.cacheList;
    for (const [cache, { name }] of node.caches.entries()) {
      if (lists?.has(cache)) continue;
      this.report(
        `cache ${cache.toString(16)}`,
        undefined,
        `${name} is on no list of caches: nobody can find it to destroy it`,
      );
    }
    for (const [page, { list, cache }] of node.pages.entries()) {
      if (list !== 'none') continue;
      this.report(
        `page ${page.toString(16)}`,
        undefined,
        `on no list of cache ${cache.toString(16)} and on no other: it is never freed`,
      );
    }
    for (const [item, { memcg }] of node.createWorks.entries()) {
      const detail = `for memcg ${memcg.toString(16)}, on no queue: it is never freed`;
      this.report(`memcg_kmem_cache_create_work ${item.toString(16)}`, undefined, detail);
    }
  }

  /** What is never freed, and the last step of which that was known. */
  report(object: string, last: Step | undefined, detail: string, id = 'leak'): void {
    const verdict: Verdict = {
      class: 'leak',
      id,
      object,
      ...(last !== undefined && { owner: actorOf(last) }),
      steps: [...(last === undefined ? [] : [last]), { ...this.view.where(0), function: 'audit' }],
      detail,
    };
    this.reporter.found(verdict);
  }
}
