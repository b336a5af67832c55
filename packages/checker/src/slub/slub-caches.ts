import { CacheField, CssField, type KernelNode, Trace } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import { SlabCaches } from '../slab/slab-caches.js';
import type { AnsweredCalls } from '../smp/answered-calls.js';
import type { Family, MachineView, Rest } from '../types.js';
import { slubRules as rules } from './rules.js';
import { SlubAudit } from './slub-audit.js';

/** SLUB-1 to SLUB-7: the life of objects, slabs and caches as with SLAB, audits of the slabs, and the directories in sysfs. */
export class SlubCaches implements Family {
  private readonly lives: SlabCaches;
  private readonly quietAudit: SlubAudit;
  private readonly late = new Set<Handle>();
  /** Caches that got a directory which has not gone. */
  private readonly withDirectory = new Set<Handle>();
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
      [Trace.sysfsAdd, (cpu, cache, added) => this.addDirectory(cpu, cache, added === 1)],
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
    const { published } = this.view.nodes[0] as KernelNode;
    const memcg = published.caches.read(cache, CacheField.memcg);
    if (memcg !== 0 && published.csses.read(memcg, CssField.kmemOnline) === 0) this.late.add(cache);
  }

  /** sysfs-clash. */
  private addDirectory(cpu: number, cache: Handle, added: boolean): void {
    (added ? this.withDirectory : this.refused).add(cache);
    if (added) return;
    const object = `cache ${cache.toString(16)}`;
    const detail = 'cannot be made: another cache has a directory of that name';
    this.reporter.brokenSoFar(rules.nameClash, object, undefined, this.view.where(cpu), detail);
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
    for (const cache of this.withDirectory) {
      const kobject = kset?.of(cache);
      if (kobject !== undefined && kset?.find(kobject.path) === kobject) continue;
      const where = { ...this.view.where(0), function: 'audit' };
      const object = `cache ${cache.toString(16)}`;
      this.reporter.broken(rules.directories, object, undefined, where, 'its directory is another cache’s');
      return;
    }
  }
}
