import { CacheField, SlabFlag, Trace } from '@kmemlab/kernel';
import type { Handle, ObjectRef, Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { AnsweredCalls } from '../smp/answered-calls.js';
import type { Family, Invariant, MachineView, Rest } from '../types.js';
import { ArraySets } from './array-sets.js';
import { type CacheState, CacheStates } from './cache-states.js';
import { PageState, PageStates } from './page-states.js';
import { slabRules } from './rules.js';
import { SlabAudit } from './slab-audit.js';
import { Tunes } from './tunes.js';
import type { LifeRules } from './types.js';

const nameOf = (cache: Handle): string => `cache ${cache.toString(16)}`;

/** SLAB-1 to SLAB-8. The life of objects, slabs and caches is followed here, the rest in the classes that this informs. */
export class SlabCaches implements Family {
  private readonly caches = new CacheStates();
  /** For the audit of an allocator's slabs. */
  readonly pages: PageStates;
  private readonly arrays: ArraySets;
  private readonly tunes: Tunes;
  private readonly quietAudit: SlabAudit;

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    calls: AnsweredCalls,
    private readonly rules: LifeRules = slabRules,
  ) {
    this.pages = new PageStates(view.topology.nodes);
    this.arrays = new ArraySets(view, reporter, calls);
    this.tunes = new Tunes(view, reporter);
    this.quietAudit = new SlabAudit(view, reporter, this.pages);
  }

  readonly listeners: Family['listeners'] = [
    [Trace.objectAlloc, (cpu, object) => this.allocate(cpu, object)],
    [Trace.objectFree, (cpu, object) => this.free(cpu, object)],
    [Trace.slabAdd, (cpu, page, cache, num) => this.addSlab(cpu, page, cache, num)],
    [Trace.slabRemove, (cpu, page, cache, active) => this.removeSlab(cpu, page, cache, active)],
    [Trace.rcuPageFree, (cpu, _page, cache) => this.pageCallback(cpu, cache)],
    [Trace.cacheShutdown, (cpu, cache, empty) => this.shutdown(cpu, cache, empty === 1)],
    [Trace.cacheRelease, (cpu, cache) => this.release(cpu, cache)],
    [Trace.arrayAccess, (cpu, cache, set, owner) => this.accessArray(cpu, cache, set, owner)],
    [Trace.arrayPublish, (cpu, cache, _set, previous) => this.publish(cpu, cache, previous)],
    [Trace.arrayRelease, (_cpu, set) => this.arrays.release(set)],
    [Trace.tune, (cpu, cache, done) => (done === 1 ? this.tunes.end(cpu, cache) : this.tunes.begin(cpu))],
    [Trace.kick, (cpu, done) => done === 0 && this.tunes.kick(cpu)],
  ];

  audit(rest: Rest): void {
    if (rest === 'quiet') this.quietAudit.run();
  }

  /** SLAB-3: an object is handed to its user. */
  private allocate(cpu: number, object: ObjectRef): void {
    const page = this.pages.ofObject(object);
    if (page === undefined)
      this.objectFails(this.rules.onePlace, cpu, object, undefined, 'handed out of a page that is no slab');
    else if (page.isLive(object)) {
      this.objectFails(this.rules.onePlace, cpu, object, page.lastStep(object), 'handed out while it is in use');
    } else page.allocate(object, cpu, this.view.now(cpu));
  }

  /** SLAB-3, SLAB-5: an object comes back from its user. */
  private free(cpu: number, object: ObjectRef): void {
    const page = this.pages.ofObject(object);
    if (page === undefined)
      this.objectFails(this.rules.onePlace, cpu, object, undefined, 'freed, but its page is no slab');
    else if (page.cache.released !== undefined) this.checkUse(cpu, page.cache, 'an object is freed to the cache');
    else if (!page.isLive(object)) {
      this.objectFails(this.rules.onePlace, cpu, object, page.lastStep(object), 'freed while it is not in use');
    } else page.free(object, cpu, this.view.now(cpu));
  }

  /** SLAB-5. */
  private addSlab(cpu: number, page: Handle, cache: Handle, num: number): void {
    const state = this.caches.of(cache);
    this.checkUse(cpu, state, 'a slab is added');
    state.slabs++;
    this.pages.add(new PageState(page, state, num, this.view.topology.cpuCount, cpu, this.view.now(cpu)));
  }

  /** SLAB-2, SLAB-3, SLAB-5. */
  private removeSlab(cpu: number, page: Handle, cache: Handle, active: number): void {
    const state = this.caches.of(cache);
    const slab = this.pages.get(page);
    this.checkUse(cpu, state, 'a slab is taken off the lists');
    if (active !== 0) this.cacheFails(this.rules.counts, cpu, cache, `a slab with ${active} active objects is freed`);
    if (slab !== undefined && slab.live > 0) {
      this.cacheFails(this.rules.onePlace, cpu, cache, `a slab is freed with ${slab.live} objects in use`);
    }
    state.slabs--;
    if (this.isRcuTyped(cache)) state.pagesPending++;
    this.pages.remove(page);
  }

  private isRcuTyped(cache: Handle): boolean {
    const flags = this.view.nodes[0]?.published.caches.read(cache, CacheField.flags) ?? 0;
    return (flags & SlabFlag.destroyByRcu) !== 0;
  }

  /** SLAB-5. */
  private pageCallback(cpu: number, cache: Handle): void {
    const state = this.caches.of(cache);
    this.checkUse(cpu, state, 'the callback that frees one of its pages runs');
    state.pagesPending--;
  }

  /** SLAB-6. */
  private shutdown(cpu: number, cache: Handle, empty: boolean): void {
    const { slabs } = this.caches.of(cache);
    if (empty && slabs > 0)
      this.cacheFails(this.rules.emptyAtShutdown, cpu, cache, `shut down as empty with ${slabs} slabs left`);
  }

  /** SLAB-6, SLAB-8. */
  private release(cpu: number, cache: Handle): void {
    const state = this.caches.of(cache);
    this.checkUse(cpu, state, 'it is released again');
    if (state.pagesPending > 0) {
      const detail = `released while ${state.pagesPending} page callbacks are pending`;
      this.cacheFails(this.rules.emptyAtShutdown, cpu, cache, detail);
    }
    this.arrays.checkEmpty(cpu, cache);
    this.caches.release(state, this.view.where(cpu));
  }

  /** SLAB-4, SLAB-5. */
  private accessArray(cpu: number, cache: Handle, set: Handle, owner: number): void {
    this.checkUse(cpu, this.caches.of(cache), 'one of its arrays is emptied');
    if (owner !== cpu) this.arrays.accessRemote(cpu, cache, set, owner);
  }

  private publish(cpu: number, cache: Handle, previous: Handle): void {
    this.caches.of(cache);
    this.tunes.publish(cpu, previous);
    if (previous !== 0) this.arrays.unpublish(cpu, previous);
  }

  private checkUse(cpu: number, state: CacheState, what: string): void {
    if (state.released === undefined) return;
    const now = this.view.where(cpu);
    this.reporter.broken(
      this.rules.afterRelease,
      nameOf(state.cache),
      state.released,
      now,
      `${what} after its release`,
    );
  }

  private cacheFails(rule: Invariant, cpu: number, cache: Handle, detail: string): void {
    this.reporter.broken(rule, nameOf(cache), undefined, this.view.where(cpu), detail);
  }

  private objectFails(
    rule: Invariant,
    cpu: number,
    object: ObjectRef,
    earlier: Step | undefined,
    detail: string,
  ): void {
    this.reporter.broken(rule, `object ${object.toString(16)}`, earlier, this.view.where(cpu), detail);
  }
}
