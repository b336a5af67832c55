import { type Program, readFile, sys, Trace, writeFile } from '@kmemlab/kernel';
import { callCount } from '@kmemlab/results';
import { describe, expect, it, test } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';
import { kicks, run } from './run.js';

/*
 * What Linux 5.9.1 did (SLAB): objects are charged one by one to obj_cgroups, which a removed memcg leaves to its parent.
 * Caches are shared, so none is created, tuned, shrunk or shut down, and no live object keeps a memcg.
 */

const KERNEL = 'v5.9';
const SECOND = 1e9;

function* moveTo(directory: string, pid: number): Program<void> {
  yield* writeFile(directory === '' ? 'cgroup.procs' : `${directory}/cgroup.procs`, `${pid}\n`);
}

/** Empty files on tmpfs that stay. */
function* makeFiles(prefix: string, files: number): Program<void> {
  for (let i = 0; i < files; i++) yield* sys.close(yield* sys.create(`/tmp/${prefix}-${i}`));
}

function* unlinkFiles(prefix: string, files: number): Program<void> {
  for (let i = 0; i < files; i++) yield* sys.unlink(`/tmp/${prefix}-${i}`);
}

function* inMemcg(name: string, pid: number, inside: Program<unknown>): Program<void> {
  yield* sys.mkdir(name);
  yield* moveTo(name, pid);
  yield* inside;
  yield* moveTo('', pid);
}

function labInHierarchy(options: ConstructorParameters<typeof Lab>[0] = {}): Lab {
  const lab = new Lab({ version: KERNEL, ...options });
  lab.run(sys.chdir(HIERARCHY));
  lab.run(moveTo('', lab.taskPid));
  return lab;
}

const objCgroups = (lab: Lab): number => lab.machine.nodes.reduce((sum, node) => sum + node.objCgroups.live, 0);

const vectors = (lab: Lab): number => lab.machine.nodes.reduce((sum, node) => sum + node.objVectors.size, 0);

describe.each([
  [1, 1],
  [1, 4],
  [1, 8],
  [2, 2],
])('the script of the mail on %i x %i', (nodes, cpusPerNode) => {
  test('creates, kicks, shrinks, shuts down and waits for nothing, and leaves one memcg at most', async () => {
    const { outcome, verdicts, counters, phases } = await run({
      experiment: 'avoid-ipis',
      kernel: KERNEL,
      nodes,
      cpusPerNode,
    });
    expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    const { remove } = phases;
    if (remove === undefined) throw new Error('no phase remove');
    for (const window of [counters, remove]) {
      expect(window.caches.created).toBe(0);
      expect(kicks(window)).toBe(0);
      expect(window.calls.rcu_barrier).toEqual({ requested: 0, executed: 0 });
      for (const name of ['kmem_cache_shrink', 'shutdown_cache', 'synchronize_sched', 'do_tune_cpucache']) {
        expect(callCount(window, name)).toBe(0);
      }
    }
    expect(remove.memcg.dying).toBeLessThanOrEqual(1);
    // Since 5.8 a wake-up on another CPU interrupts it as a single call does: CAL is not 0, RES is.
    const { boot } = phases;
    expect(boot?.interrupts.CAL.some((cal) => cal > 0)).toBe(nodes * cpusPerNode > 1);
    expect(boot?.interrupts.RES.every((res) => res === 0)).toBe(true);
  });
});

test('a loop of the script makes 18 accounted allocations and, with its removal, drains stocks a few times', async () => {
  const { phases } = await run({ experiment: 'avoid-ipis', kernel: KERNEL, nodes: 1, cpusPerNode: 4 });
  const { create, remove } = phases;
  if (create === undefined || remove === undefined) throw new Error('a phase is missing');
  // Of the first memcg only the file /tmp/x, of the last no successor, but /proc/interrupts.
  const allocations = callCount(create, 'accounted_allocations');
  expect(allocations).toBeGreaterThanOrEqual(17 * 100);
  expect(allocations).toBeLessThanOrEqual(18 * 100 + 10);
  const drains = (callCount(create, 'drain_obj_stock') + callCount(remove, 'drain_obj_stock')) / 100;
  expect(drains).toBeGreaterThan(2);
  expect(drains).toBeLessThan(10);
  expect(callCount(create, 'memcg_update_all_list_lrus')).toBe(6);
  expect(callCount(create, 'memcg_update_all_caches')).toBe(0);
  // Per memcg: the switches of css, cgroup and obj_cgroup, both frees; dentries and inodes of three files, the directory's inode.
  expect(callCount(remove, 'call_rcu')).toBe((5 + 3 * 2 + 1) * 100);
  expect(callCount(remove, 'objcg_reparented')).toBe(100);
});

describe('removed memcgs with live files', () => {
  it('are gone one second after rmdir; what they were charged goes when the files do', () => {
    const lab = labInHierarchy();
    const before = objCgroups(lab);
    for (let i = 0; i < 100; i++) lab.run(inMemcg(String(i), lab.taskPid, makeFiles(String(i), 10)));
    expect(objCgroups(lab) - before).toBe(100);
    for (let i = 0; i < 100; i++) lab.run(sys.rmdir(String(i)));
    lab.pass(SECOND);
    expect(lab.memcgs()).toEqual(['/']);
    // The objects are charged to the root now, which holds the obj_cgroups on its list.
    expect(objCgroups(lab) - before).toBe(100);
    const grown = lab.growth(['objcg_released', 'page_counter_underflow'], () => {
      for (let i = 0; i < 100; i++) lab.run(unlinkFiles(String(i), 10));
      lab.settle();
    });
    expect(grown.objcg_released).toBeGreaterThanOrEqual(99);
    // Without use_hierarchy what the root inherits was never charged to it (V6-d).
    expect(grown.page_counter_underflow).toBeGreaterThan(0);
    // Negative dentries of the removed directories hold the obj_cgroups of those who looked them up first: here the root.
    expect(objCgroups(lab) - before).toBeLessThanOrEqual(1);
  });

  it('leave no more than their objects behind, on two nodes and under random schedules', () => {
    for (const seed of [1, 2, 3]) {
      const lab = labInHierarchy({ nodes: 2, cpus: 2, strategy: 'random', seed });
      lab.run(inMemcg('a', lab.taskPid, makeFiles('a', 30)), { kind: 'walk' } as never);
      lab.run(sys.rmdir('a'));
      lab.settle();
      expect(lab.memcgs()).toEqual(['/']);
      lab.run(unlinkFiles('a', 30), { kind: 'spread' } as never);
      lab.settle();
      expect(objCgroups(lab)).toBeLessThanOrEqual(1);
    }
  });
});

describe('what objects are charged', () => {
  it('goes to the parent s list when a child is removed, and up again when the parent is', () => {
    const lab = labInHierarchy();
    lab.run(sys.mkdir('p'));
    lab.run(inMemcg('p/c', lab.taskPid, makeFiles('c', 3)));
    const inheritedBy = (name: string): number =>
      lab.machine.nodes
        .flatMap((node) => [...node.csses.entries()])
        .filter(([, css]) => css.name === name)
        .reduce((sum, [, { memcg }]) => sum + (memcg?.inherited.size ?? 0), 0);
    lab.run(sys.rmdir('p/c'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/', 'p']);
    // Without use_hierarchy the root is everybody s heir.
    expect(inheritedBy('p') + inheritedBy('/')).toBe(1);
    lab.run(sys.rmdir('p'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
    expect(inheritedBy('/')).toBeGreaterThanOrEqual(1);
    lab.run(unlinkFiles('c', 3));
    lab.settle();
  });

  it('is the object and a pointer, by bytes, in whole pages', () => {
    const lab = labInHierarchy();
    lab.run(inMemcg('a', lab.taskPid, makeFiles('warm', 1)));
    const events = lab.during(() => lab.run(inMemcg('b', lab.taskPid, makeFiles('b', 1))));
    const accounted = events.filter(({ point }) => point === Trace.objectAccount);
    // In a: the directory s and the file s dentry and inode, filp and seq_file of cgroup.procs were charged to the root.
    const bytes = accounted.map(({ args }) => args[2]).sort((a, b) => a - b);
    expect(bytes).toEqual(expect.arrayContaining([200, 264, 688]));
  });

  it('is not enforced for slab objects: over the limit they are handed out, and nobody pays (V6-a)', () => {
    const lab = labInHierarchy();
    lab.run(sys.mkdir('a'));
    lab.run(writeFile('a/memory.kmem.limit_in_bytes', '1M\n'));
    lab.run(moveTo('a', lab.taskPid));
    const grown = lab.growth(['over_limit_allocations'], () => lab.run(makeFiles('a', 2000)));
    expect(grown.over_limit_allocations).toBeGreaterThan(1000);
    const usage = Number(lab.run(readFile('a/memory.kmem.usage_in_bytes')));
    expect(usage).toBeLessThanOrEqual(2 ** 20);
    expect(usage).toBeGreaterThan(0.9 * 2 ** 20);
    expect(lab.run(sys.create('/tmp/one-more'))).toBeGreaterThan(0);
  });
});

describe('the slab statistics of a memcg, by bytes', () => {
  const V2 = '/sys/fs/cgroup';
  const inV2 = (): Lab => {
    const lab = new Lab({ version: KERNEL, cpus: 1, config: { cgroup: 'v2' } });
    lab.run(sys.chdir(V2));
    return lab;
  };

  /** The slab rows of memory.stat. */
  const slabOf = (lab: Lab, directory: string): number[] => {
    const rows = lab.run(readFile(`${V2}/${directory}memory.stat`)).split('\n');
    return rows.filter((row) => row.startsWith('slab_')).map((row) => Number(row.split(' ')[1]));
  };
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

  it('lag by what a CPU may hold back, and count for all above', () => {
    const lab = inV2();
    lab.run(sys.mkdir('p'));
    lab.run(inMemcg('p/few', lab.taskPid, makeFiles('few', 10)));
    expect(slabOf(lab, 'p/few/')).toEqual([0, 0]);
    const events = lab.during(() => lab.run(inMemcg('p/c', lab.taskPid, makeFiles('c', 1000))));
    const sum = (wanted: number): number =>
      total(events.filter(({ point }) => point === wanted).map(({ args }) => args[2]));
    const bytes = sum(Trace.objectAccount) - sum(Trace.objectUnaccount);
    const counted = slabOf(lab, 'p/c/');
    for (const row of counted) expect(row).toBeGreaterThan(0);
    // Two statistics on one CPU; the files of the other memcg and of the directories are less than a batch.
    expect(total(counted)).toBeLessThanOrEqual(bytes);
    expect(total(counted)).toBeGreaterThan(bytes - 3 * 32 * 4096);
    expect(slabOf(lab, 'p/')).toEqual(counted);
    expect(slabOf(lab, '')).toEqual(counted);
  });

  it('stay with those above when a memcg goes, and go down there when its objects do', () => {
    const lab = inV2();
    lab.run(sys.mkdir('p'));
    lab.run(inMemcg('p/c', lab.taskPid, makeFiles('c', 1000)));
    const before = total(slabOf(lab, 'p/'));
    lab.run(sys.rmdir('p/c'));
    lab.settle();
    // What the CPU held back of the child has been added.
    expect(total(slabOf(lab, 'p/'))).toBeGreaterThanOrEqual(before);
    lab.run(unlinkFiles('c', 1000));
    lab.settle();
    expect(total(slabOf(lab, 'p/'))).toBeLessThanOrEqual(2 * 32 * 4096);
  });

  it.each(['slab', 'slub'])('add up where memcgs come and go below others (%s)', async (allocator) => {
    const params = { generations: '4', files: '40' };
    const config = `${allocator},cgroup2`;
    const { outcome, verdicts, counters } = await run({ experiment: 'zombies', kernel: KERNEL, config, params });
    expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    expect(counters.messages.byKind['lruvec.firstTouch']).toBeGreaterThan(0);
  });
});

describe('the percpu statistics of a memcg', () => {
  it('are charged to its parent until it is freed', () => {
    const lab = labInHierarchy();
    lab.run(sys.mkdir('p'));
    const usage = (): number => Number(lab.run(readFile('p/memory.kmem.usage_in_bytes')));
    const before = usage();
    lab.run(sys.mkdir('p/c'));
    expect(usage()).toBeGreaterThan(before);
    lab.run(sys.rmdir('p/c'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/', 'p']);
    // What is left is less than a page, in a stock.
    expect(usage()).toBeLessThanOrEqual(before + 4096);
  });

  it('cannot be had over the limit: mkdir fails, unlike a slab allocation', () => {
    const lab = labInHierarchy();
    lab.run(sys.mkdir('p'));
    lab.run(writeFile('p/memory.kmem.limit_in_bytes', '4K\n'));
    expect(() => lab.run(sys.mkdir('p/c'))).toThrow('errno 12');
    lab.run(sys.rmdir('p'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
  });
});

describe('a vector of owners', () => {
  it('comes with the first accounted object of a block, and goes with the block', () => {
    const lab = labInHierarchy();
    expect(vectors(lab)).toBe(0);
    lab.run(inMemcg('a', lab.taskPid, makeFiles('a', 60)));
    const most = vectors(lab);
    expect(most).toBeGreaterThan(60 / 6);
    lab.run(unlinkFiles('a', 60));
    const naps = function* naps(): Program<void> {
      for (let n = 0; n < 120; n++) yield* sys.nanosleep(SECOND / 4);
    };
    lab.run(naps());
    lab.settle();
    expect(vectors(lab)).toBeLessThan(most / 2);
  });
});

test('destroying a root cache waits for nothing; an RCU-typed one is left to the item that waits for the barrier', () => {
  const lab = labInHierarchy();
  const destroyed = (flags: string): Record<string, number> => {
    lab.run(sys.initModule('spec_cache', 300, flags));
    lab.run(inMemcg('a', lab.taskPid, sys.useCache('spec_cache')));
    const grown = lab.growth(['rcu_barrier.requested', 'slab_caches_to_rcu_destroy_workfn', 'caches_destroyed'], () => {
      lab.run(sys.deleteModule('spec_cache'));
      lab.settle();
    });
    lab.run(sys.rmdir('a'));
    lab.settle();
    return grown;
  };
  const none = { 'rcu_barrier.requested': 0, slab_caches_to_rcu_destroy_workfn: 0, caches_destroyed: 1 };
  expect(destroyed('a')).toEqual(none);
  expect(destroyed('ar')).toEqual({ ...none, 'rcu_barrier.requested': 1, slab_caches_to_rcu_destroy_workfn: 1 });
});

test('tuning kicks once per write whatever memcgs there are, and a new root cache not at all', async () => {
  const tuned = await run({ experiment: 'tune-slabinfo', kernel: KERNEL, params: { writes: '10', children: '10' } });
  expect(tuned).toMatchObject({ outcome: 'ok', verdicts: [] });
  expect(kicks(tuned.counters)).toBe(10);
  const made = await run({ experiment: 'avoid-ipis', kernel: KERNEL, params: { loops: '1' } });
  expect(made.rootCache).toEqual({ kicks: 0, ipis: 0 });
});
