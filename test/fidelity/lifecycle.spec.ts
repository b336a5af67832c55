import { readFile, sys, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY } from './lab.js';
import { MemcgLab, tenFiles, unlinkTen } from './memcg-labs.js';

/*
 * Memcgs with live files, as measured on 5.2.1 and 5.3.1 (100 memcgs, 10 empty files each on tmpfs; the process leaves, rmdir,
 * one second later; later unlink all): three caches each, of which two have live objects.
 */

const MEMCGS = 100;
const names = Array.from({ length: MEMCGS }, (_, n) => `m${n}`);

/** The memcgs were used and removed; another one has taken over the CPU's stock, so that no memcg is held by that alone. */
function removeAll(lab: MemcgLab): void {
  for (const name of names) lab.inMemcg(name, tenFiles(name));
  lab.inMemcg('last', tenFiles('last'));
  for (const name of names) lab.run(sys.rmdir(name));
  lab.pass(1e9);
}

const dying = (lab: MemcgLab): number => lab.memcgs().filter((name) => names.includes(name)).length;

describe('memcgs with live files', () => {
  it('all stay in 5.2 until the files are gone and cache_reap has emptied the arrays', () => {
    const lab = new MemcgLab({ version: 'v5.2' });
    const grown = lab.growth(['memcg_caches_created', 'kmem_cache_shrink', 'shutdown_cache'], () => removeAll(lab));
    expect(grown).toEqual({ memcg_caches_created: 303, kmem_cache_shrink: 300, shutdown_cache: 0 });
    expect(dying(lab)).toBe(MEMCGS);
    for (const name of names) lab.run(unlinkTen(name));
    lab.nap(5);
    expect(dying(lab)).toBe(MEMCGS);
    lab.nap(10);
    expect(dying(lab)).toBe(0);
  });

  it('are gone after a second in 5.3; each empty cache is shut down, the others live on with the parent', () => {
    const lab = new MemcgLab({ version: 'v5.3' });
    const grown = lab.growth(
      [
        'memcg_caches_created',
        'kmemcg_workfn',
        'kmemcg_cache_deactivate_after_rcu',
        'kmemcg_cache_shutdown_fn',
        'kmem_cache_shrink',
      ],
      () => removeAll(lab),
    );
    expect(grown).toEqual({
      memcg_caches_created: 303,
      kmemcg_workfn: 400,
      kmemcg_cache_deactivate_after_rcu: 300,
      kmemcg_cache_shutdown_fn: 100,
      kmem_cache_shrink: 400,
    });
    expect(dying(lab)).toBe(0);
    expect(lab.memcgCaches).toBe(200 + 3);
    for (const name of names) lab.run(unlinkTen(name));
    lab.nap(15);
    expect(lab.memcgCaches).toBe(3);
  });

  it('of SLAB cost 5.3 an all-CPU call for each deactivation and each shutdown', () => {
    const lab = new MemcgLab({ version: 'v5.3', cpus: 4 });
    const sent = lab.calls(() => removeAll(lab));
    expect(sent.reduce((sum, calls) => sum + calls, 0)).toBe((300 + 100) * 3);
  });

  it('of a nested memcg go to the root if counters are not hierarchical', () => {
    const lab = new MemcgLab({ version: 'v5.3' });
    lab.run(sys.mkdir('a'));
    lab.inMemcg('a/b', tenFiles('b'));
    lab.inMemcg('last', tenFiles('last'));
    lab.run(sys.rmdir('a/b'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/', 'a', 'last']);
    const grown = lab.growth(['memcg_caches_reparented'], () => {
      lab.run(sys.rmdir('a'));
      lab.settle();
    });
    expect(grown).toEqual({ memcg_caches_reparented: 0 });
    expect(lab.memcgs()).toEqual(['/', 'last']);
    lab.run(unlinkTen('b'));
    lab.nap(15);
    expect(lab.memcgCaches).toBe(3);
  });

  it.each(['slab', 'slub'] as const)('of a nested memcg go up level by level in a hierarchy, with %s', (allocator) => {
    const lab = new MemcgLab({ version: 'v5.3', config: { allocator } });
    const kmem = (): number => Number(lab.run(readFile(`${HIERARCHY}/a/memory.kmem.usage_in_bytes`)));
    const reparentedBy = (directory: string): number =>
      lab.growth(['memcg_caches_reparented'], () => {
        lab.run(sys.rmdir(directory));
        lab.settle();
      }).memcg_caches_reparented as number;
    lab.run(sys.mkdir('a'));
    lab.run(writeFile(`${HIERARCHY}/a/memory.use_hierarchy`, '1\n'));
    lab.run(sys.mkdir('a/b'));
    lab.inMemcg('a/b/c', tenFiles('c'));
    lab.inMemcg('last', tenFiles('last'));
    const [own, others] = [lab.memcgCaches, 3];
    const charged = kmem();
    expect(charged).toBeGreaterThan(0);
    // All caches of c come to b, the empty one among them is then shut down; what has objects goes on to a.
    expect(reparentedBy('a/b/c')).toBe(own - others);
    expect(lab.memcgCaches).toBe(own - 1);
    expect(lab.memcgs()).toEqual(['/', 'a', 'b', 'last']);
    const left = kmem();
    expect(left).toBeLessThanOrEqual(charged);
    expect(left).toBeGreaterThan(0);
    expect(reparentedBy('a/b')).toBe(2);
    expect(lab.memcgs()).toEqual(['/', 'a', 'last']);
    // The counters of a contained these pages all the time: none moves.
    expect(kmem()).toBe(left);
    lab.run(unlinkTen('c'));
    lab.nap(15);
    expect(lab.memcgCaches).toBe(others);
    expect(kmem()).toBe(0);
    expect(reparentedBy('a')).toBe(0);
    expect(lab.memcgs()).toEqual(['/', 'last']);
  });
});
