import { Trace } from '@kmemlab/kernel';
import type { Handle, Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import { SlabCaches } from '../slab/slab-caches.js';
import type { AnsweredCalls } from '../smp/answered-calls.js';
import type { Family, MachineView, Rest } from '../types.js';
import { isDeactivated } from './deactivated.js';
import { slubRules as rules } from './rules.js';
import { SlubAudit } from './slub-audit.js';

/** SLUB-1 to SLUB-8: the life of objects, slabs and caches as with SLAB, audits of the slabs, and the directories in sysfs. */
export class SlubCaches implements Family {
  private readonly lives: SlabCaches;
  private readonly quietAudit: SlubAudit;
  private readonly late = new Set<Handle>();
  /** Caches that got a directory which has not gone, and who added it. */
  private readonly withDirectory = new Map<Handle, Step>();
  /** Caches that were refused one. */
  private readonly refused = new Set<Handle>();
  readonly listeners: Family['listeners'];

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    calls: AnsweredCalls,
  ) {
    const { counts, discarded, emptyAtShutdown } = rules;
    const lifeRules = { onePlace: counts, counts: discarded, afterRelease: emptyAtShutdown, emptyAtShutdown };
    this.lives = new SlabCaches(view, reporter, calls, lifeRules);
    this.quietAudit = new SlubAudit(view, reporter, this.lives.pages, this.late);
    this.listeners = [
      ...this.lives.listeners,
      [Trace.objectAlloc, (_cpu, _object, cache) => this.allocate(cache)],
      [Trace.sysfsAdd, (cpu, cache, holder) => this.addDirectory(cpu, cache, holder)],
      [Trace.sysfsRemove, (_cpu, cache) => this.withDirectory.delete(cache)],
      [Trace.cacheCreate, (cpu, cache) => this.create(cpu, cache)],
      [Trace.cacheRelease, (_cpu, cache) => this.late.delete(cache)],
    ];
  }

  audit(rest: Rest): void {
    if (rest !== 'quiet') return;
    this.quietAudit.run();
    this.checkDirectories();
  }

  /** Whoever chose the cache before its slot was cleared may still make a slab for it. */
  private allocate(cache: Handle): void {
    if (isDeactivated(this.view, cache)) this.late.add(cache);
  }

  /** SLUB-8. The kernel goes on without the cache; if it makes it all the same, that is SLUB-7. */
  private addDirectory(cpu: number, cache: Handle, holder: Handle): void {
    if (holder === 0) {
      this.withDirectory.set(cache, this.view.where(cpu));
      return;
    }
    this.refused.add(cache);
    const detail = `cache ${holder.toString(16)} still has the directory of this name, so the cache cannot be made`;
    const earlier = this.withDirectory.get(holder);
    this.reporter.brokenSoFar(rules.freeName, `cache ${cache.toString(16)}`, earlier, this.view.where(cpu), detail);
  }

  /** SLUB-7. */
  private create(cpu: number, cache: Handle): void {
    if (!this.refused.delete(cache)) return;
    const object = `cache ${cache.toString(16)}`;
    const detail = 'made although the name of its directory is taken';
    this.reporter.broken(rules.directories, object, undefined, this.view.where(cpu), detail);
  }

  /** SLUB-7. */
  private checkDirectories(): void {
    const kset = this.view.nodes[0]?.slabKset;
    for (const cache of this.withDirectory.keys()) {
      const kobject = kset?.of(cache);
      if (kobject !== undefined && kset?.find(kobject.path) === kobject) continue;
      const where = { ...this.view.where(0), function: 'audit' };
      const object = `cache ${cache.toString(16)}`;
      this.reporter.broken(rules.directories, object, undefined, where, 'its directory is another cache’s');
      return;
    }
  }
}
