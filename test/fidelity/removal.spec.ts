import { type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

const SECOND = 1e9;

function* tmpFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
  yield* sys.unlink(path);
}

function* moveTo(directory: string, pid: number): Program<void> {
  yield* writeFile(directory === '' ? 'cgroup.procs' : `${directory}/cgroup.procs`, `${pid}\n`);
}

/**
 * A lab in the hierarchy whose task has looked the control files of the root cgroup up before it enters any memcg, so that
 * no memcg pays for their dentries.
 */
function labInHierarchy(options: ConstructorParameters<typeof Lab>[0] = {}): Lab {
  const lab = new Lab(options);
  lab.run(sys.chdir(HIERARCHY));
  lab.run(moveTo('', lab.taskPid));
  return lab;
}

/** The task, in the root cgroup, enters a memcg, has its caches made, uses one tmpfs file there, and comes back. */
function useMemcg(lab: Lab, name: string, inside: Program<void> | null = null): void {
  lab.run(sys.mkdir(name));
  lab.run(moveTo(name, lab.taskPid));
  lab.run(tmpFile('/tmp/x'));
  lab.flushCreation();
  lab.run(tmpFile('/tmp/x'));
  if (inside !== null) lab.run(inside);
  lab.run(moveTo('', lab.taskPid));
  lab.settle();
}

const REMOVAL = ['css_offline', 'memcg_freed', 'kmem_cache_shrink', 'shutdown_cache'] as const;

const stockOf = (lab: Lab, cpu: number): number => lab.cpu(cpu).stock.pages;

describe('removal of a memcg', () => {
  it('frees a memcg that nothing pins, with one shrink per cache at offline and one more per cache shut down', () => {
    const lab = labInHierarchy();
    useMemcg(lab, 'a');
    // Only CPU0's stock still holds the memcg: another memcg charges on CPU0 and takes the stock over.
    useMemcg(lab, 'b');
    const grown = lab.growth(REMOVAL, () => {
      lab.run(sys.rmdir('a'));
      lab.settle();
    });
    expect(grown).toEqual({ css_offline: 1, memcg_freed: 1, kmem_cache_shrink: 4, shutdown_cache: 2 });
    expect(lab.memcgs()).toEqual(['/', 'b']);
  });

  it('interrupts every other CPU once per shrink and once per shutdown', () => {
    const lab = labInHierarchy({ cpus: 4 });
    useMemcg(lab, 'a');
    useMemcg(lab, 'b');
    const calls = lab.calls(() => {
      lab.run(sys.rmdir('a'));
      lab.settle();
    });
    // All steps run on the CPU of the rmdir, which sends everything and gets nothing.
    expect(calls).toEqual([0, 4, 4, 4]);
  });

  it('keeps a memcg in whose stock of a CPU pages are left, until another memcg is charged there (V3-d)', () => {
    const lab = labInHierarchy();
    useMemcg(lab, 'a');
    expect(stockOf(lab, 0)).toBeGreaterThan(0);
    const grown = lab.growth(REMOVAL, () => {
      lab.run(sys.rmdir('a'));
      lab.settle();
    });
    expect(grown).toEqual({ css_offline: 1, memcg_freed: 0, kmem_cache_shrink: 2, shutdown_cache: 0 });
    expect(lab.memcgs()).toEqual(['/', 'a']);
    const later = lab.growth(REMOVAL, () => useMemcg(lab, 'b'));
    expect(later).toMatchObject({ memcg_freed: 1, shutdown_cache: 2 });
    expect(lab.memcgs()).toEqual(['/', 'b']);
  });

  it('keeps a memcg that pays for the negative dentry of a removed directory, until a lookup drops that and a reap its slab', () => {
    const lab = labInHierarchy();
    lab.run(sys.mkdir('victim'));
    useMemcg(lab, 'payer', readFile('victim/memory.usage_in_bytes') as unknown as Program<void>);
    lab.run(sys.rmdir('victim'));
    useMemcg(lab, 'other');
    const grown = lab.growth(REMOVAL, () => {
      lab.run(sys.rmdir('payer'));
      lab.settle();
    });
    expect(grown.memcg_freed).toBe(0);
    expect(lab.memcgs()).toEqual(['/', 'payer', 'other']);
    // The new directory of this name takes the negative dentry's place; its object lies in CPU0's array then.
    lab.run(sys.mkdir('victim'));
    lab.settle();
    expect(lab.memcgs()).toContain('payer');
    const naps = function* naps(): Program<void> {
      for (let n = 0; n < 60; n++) yield* sys.nanosleep(SECOND / 4);
    };
    lab.run(naps());
    lab.settle();
    expect(lab.memcgs()).not.toContain('payer');
  });

  it('needs no rcu_barrier if none of the memcg s caches is RCU-typed', () => {
    const lab = labInHierarchy();
    useMemcg(lab, 'a');
    useMemcg(lab, 'b');
    const grown = lab.growth(['rcu_barrier.requested'], () => {
      lab.run(sys.rmdir('a'));
      lab.settle();
    });
    expect(grown).toEqual({ 'rcu_barrier.requested': 0 });
    expect(lab.memcgs()).not.toContain('a');
  });

  it('refuses to remove a memcg with a task in it or a child below it', () => {
    const lab = labInHierarchy();
    lab.run(sys.mkdir('a'));
    lab.run(sys.mkdir('a/b'));
    expect(() => lab.run(sys.rmdir('a'))).toThrow('errno 16');
    lab.run(sys.rmdir('a/b'));
    lab.run(moveTo('a', lab.taskPid));
    expect(() => lab.run(sys.rmdir('a'))).toThrow('errno 16');
    lab.run(moveTo('', lab.taskPid));
    lab.run(sys.rmdir('a'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
  });

  it('waits for nothing: no grace period is waited for synchronously in creation and removal with SLAB', () => {
    const lab = labInHierarchy();
    const grown = lab.growth(['synchronize_sched'], () => {
      useMemcg(lab, 'a');
      lab.run(sys.rmdir('a'));
      lab.settle();
    });
    expect(grown).toEqual({ synchronize_sched: 0 });
  });
});

/** How many objects of each kind exist, over all nodes. */
function liveObjects(lab: Lab): Record<string, number> {
  const { nodes, cpus } = lab.machine;
  const sum = (of: (node: (typeof nodes)[number]) => number): number =>
    nodes.reduce((total, node) => total + of(node), 0);
  return {
    csses: sum((node) => node.csses.live),
    caches: sum((node) => node.caches.live),
    arraySets: sum((node) => node.arraySets.live),
    lists: sum((node) => node.slabNodes.size),
    works: sum((node) => node.works.live),
    createWorks: sum((node) => node.createWorks.live),
    dentries: sum((node) => node.dentries.live),
    inodes: sum((node) => node.inodes.live),
    memcgArrays: sum((node) => lab.memcgArrays(node.id)),
    listedCaches: nodes[0]?.cacheList.size ?? 0,
    rcuSlabs: cpus.reduce((total, cpu) => total + cpu.rcuSlabs.size, 0),
    busyPools: sum((node) => Number(node.busyPools)),
  };
}

describe('a memcg that came and went', () => {
  it.each([
    { nodes: 1, strategy: 'time' as const },
    { nodes: 2, strategy: 'time' as const },
    { nodes: 2, strategy: 'random' as const },
  ])('leaves nothing behind: $nodes nodes, strategy $strategy', ({ nodes, strategy }) => {
    const lab = labInHierarchy({ nodes, cpus: 4 / nodes, strategy });
    const cycle = (name: string): void => {
      useMemcg(lab, name);
      useMemcg(lab, 'other');
      lab.run(sys.rmdir(name));
      lab.run(sys.rmdir('other'));
      useMemcg(lab, 'last');
      lab.run(sys.rmdir('last'));
      lab.settle();
    };
    cycle('first');
    const before = liveObjects(lab);
    const names = lab.memcgs();
    for (let n = 0; n < 3; n++) cycle('first');
    expect(liveObjects(lab)).toEqual(before);
    expect(lab.memcgs()).toEqual(names);
  });

  it('leaves nothing behind of a root cache that was made and destroyed after it', () => {
    const lab = labInHierarchy();
    useMemcg(lab, 'a');
    const before = liveObjects(lab);
    lab.run(sys.initModule('spec_cache', 300));
    expect(lab.run(readFile('/proc/slabinfo'))).toContain('\nspec_cache ');
    lab.run(sys.deleteModule('spec_cache'));
    lab.settle();
    expect(lab.run(readFile('/proc/slabinfo'))).not.toContain('spec_cache');
    lab.settle();
    expect(liveObjects(lab)).toEqual(before);
  });
});
