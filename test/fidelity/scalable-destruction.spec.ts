import { type Program, sys } from '@kmemlab/kernel';
import { callCount, type RunResult } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { MemcgLab } from './memcg-labs.js';
import { allCpuCallsSentBy, run } from './run.js';

/*
 * "slab: make memcg slab destruction scalable", the series around seed 000, patch by patch on 4.10: spec/memcg-kmem-2.md V4. All of
 * them are what 4.12 does, but for the kick of a new cache.
 */

const SERIES = [
  'sync-sched-in-slab-mutex',
  'split-sysfs-release',
  'async-rcu-barrier',
  'per-memcg-cache-lists',
  'deactivate-by-call-rcu',
  'early-sysfs-removal',
  'memcg-kmem-cache-wq',
  'optional-memcg-sysfs',
];

const MEMCGS = 12;
/** One of two caches of the memcg has an object that stays. */
function* keepOne(): Program<void> {
  for (const name of ['kept', 'empty']) yield* sys.useCache(name);
  yield* sys.flushCreation();
  yield* sys.keepObject('kept');
  yield* sys.useCache('empty');
}

/** Two other caches and an RCU-typed one. */
const CACHES = 3;

const removal = (
  patches: string,
  config: string,
  params: Record<string, string> = {},
  version = 'v4.10',
): Promise<RunResult> => {
  const kernel = `${version}${patches}`;
  const scenario = { experiment: 'barrier-batching', nodes: 1, cpusPerNode: 2, kernel, config };
  return run({ ...scenario, params: { memcgs: String(MEMCGS), ...params } });
};

/** An experiment and its parameters. */
type Compared = readonly [string, Readonly<Record<string, string>>];

const comparedRuns = (config: string): readonly Compared[] => [
  ['avoid-ipis', { loops: '15' }],
  ['barrier-batching', { memcgs: '15' }],
  ['barrier-batching', { memcgs: '5', trigger: 'reclaim' }],
  ['zombies', { generations: '4' }],
  ...(config === 'slab' ? [['tune-slabinfo', { writes: '4', children: '2' }] as const] : []),
];

describe.each(['slab', 'slub'])('4.10 with the whole series and avoid-kick-on-create, %s', (config) => {
  it.each(comparedRuns(config))('does in %s %o exactly what 4.12 does', async (experiment, params) => {
    const resultOf = (kernel: string) => run({ experiment, nodes: 2, cpusPerNode: 2, kernel, config, params });
    const [patched, later] = [
      await resultOf(`v4.10+${SERIES.join('+')}+avoid-kick-on-create`),
      await resultOf('v4.12'),
    ];
    expect(patched.counters).toEqual(later.counters);
    expect(patched.phases).toEqual(later.phases);
    expect(patched.digest).toBe(later.digest);
  });
});

it.each(SERIES)('%s alone breaks nothing', async (patch) => {
  for (const config of ['slab', 'slub']) {
    const { outcome, verdicts, counters } = await removal(`+${patch}`, config);
    expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    expect(counters.caches.destroyed).toBe(CACHES * counters.memcg.freed);
  }
});

describe('each patch alone', () => {
  it('1 waits for a grace period per cache, with slab_mutex held', async () => {
    const [before, after] = [await removal('', 'slub'), await removal('+sync-sched-in-slab-mutex', 'slub')];
    expect(callCount(before.counters, 'synchronize_sched')).toBe(MEMCGS);
    expect(callCount(after.counters, 'synchronize_sched')).toBe(MEMCGS * CACHES);
    const gp = before.durations['cgroup_mutex.hold']?.max ?? 0;
    expect(before.durations['slab_mutex.hold']?.max).toBeLessThan(gp / 2);
    expect(after.durations['slab_mutex.hold']?.max).toBeGreaterThan(2 * gp);
  });

  it('2 removes directories under slab_mutex', async () => {
    const [before, after] = [await removal('', 'slub'), await removal('+split-sysfs-release', 'slub')];
    expect(callCount(after.counters, 'sysfs_slab_remove')).toBe(callCount(before.counters, 'sysfs_slab_remove'));
    const held = ({ durations }: RunResult): number => durations['slab_mutex.hold']?.max ?? 0;
    expect(held(after)).toBeGreaterThan(held(before));
  });

  it('3 waits for one barrier, or a few, instead of one per memcg', async () => {
    const [before, after] = [await removal('', 'slab'), await removal('+async-rcu-barrier', 'slab')];
    expect(before.counters.calls.rcu_barrier.requested).toBe(before.counters.memcg.freed);
    expect(after.counters.calls.rcu_barrier.requested).toBeLessThanOrEqual(3);
    expect(after.counters.memcg.freed).toBe(before.counters.memcg.freed);
  });

  it('4 to 6 make the walks of a removal independent of how many caches there are', async () => {
    const stepsPerMemcg = async (patches: string, memcgs: string): Promise<number> => {
      const { counters } = await removal(patches, 'slab', { memcgs });
      return callCount(counters, 'cache_list_steps') / Number(memcgs);
    };
    const grown = async (patches: string): Promise<number> =>
      (await stepsPerMemcg(patches, '24')) - (await stepsPerMemcg(patches, '12'));
    expect(await grown('')).toBeGreaterThan(12 * CACHES);
    expect(await grown('+per-memcg-cache-lists')).toBe(0);
  });

  it('7 and 8 wait for nothing at offline', async () => {
    const { counters } = await removal('+deactivate-by-call-rcu', 'slub');
    expect(callCount(counters, 'synchronize_sched')).toBe(0);
    expect(counters.memcg.freed).toBe(MEMCGS);
  });

  it('9 removes the directories of empty caches while the memcg is still there', () => {
    const removedAtOffline = (patch?: string): number => {
      const lab = new MemcgLab({ config: { allocator: 'slub' }, cpus: 2, ...(patch && { patch }) });
      for (const name of ['kept', 'empty']) lab.run(sys.initModule(name, 256, 'ac'));
      lab.inMemcg('a', keepOne());
      return lab.growth(['sysfs_slab_remove'], () => {
        lab.run(sys.rmdir('a'));
        lab.settle();
      }).sysfs_slab_remove as number;
    };
    expect(removedAtOffline()).toBe(0);
    expect(removedAtOffline('early-sysfs-removal')).toBe(1);
  });

  it('10 creates caches on the CPU that asked for them', async () => {
    const sentBy = async (patches: string): Promise<number[]> => {
      const result = await run({
        ...{ experiment: 'avoid-ipis', nodes: 1, cpusPerNode: 2, kernel: `v4.10${patches}` },
        params: { loops: '10', placement: 'cpu0' },
      });
      return allCpuCallsSentBy(result.counters, 2);
    };
    expect((await sentBy(''))[1]).toBeGreaterThan(0);
    expect((await sentBy('+memcg-kmem-cache-wq'))[1]).toBe(0);
  });

  it('beside the series: no directories for memcg caches', async () => {
    const { phases } = await removal('+optional-memcg-sysfs', 'slub');
    expect(phases.create && callCount(phases.create, 'sysfs_slab_add')).toBe(0);
  });
});

describe('cgroup-knobs', () => {
  it.each([
    ['perMemcg', MEMCGS, 0],
    ['perCacheInSlabMutex', MEMCGS * CACHES, 0],
    ['kickPerCache', 0, MEMCGS * CACHES],
  ])('syncSched=%s: %i grace periods, %i kicks while the memcgs go offline', async (syncSched, waits, kicks) => {
    const { counters, outcome } = await removal(`+cgroup-knobs:syncSched=${syncSched}`, 'slub');
    expect(outcome).toBe('ok');
    expect(callCount(counters, 'synchronize_sched')).toBe(waits);
    expect(callCount(counters, 'kick_all_cpus_sync')).toBe(kicks);
  });

  it('perCacheInSlabMutex is what the first patch of the series goes back to', async () => {
    const [knob, patch] = [
      await removal('+cgroup-knobs:syncSched=perCacheInSlabMutex', 'slub'),
      await removal('+sync-sched-in-slab-mutex', 'slub'),
    ];
    expect(knob.digest).toBe(patch.digest);
  });

  /** The longest call of a task that makes and removes cgroups elsewhere, ns. */
  const longestCall = async (patches: string): Promise<number> => {
    const { durations, outcome } = await removal(patches, 'slab', { bystander: '1', memcgs: '4' });
    expect(outcome).toBe('ok');
    return Math.max(durations['bystander.mkdir']?.max ?? 0, durations['bystander.rmdir']?.max ?? 0);
  };

  it.each([
    ['', 'about nothing'],
    ['+cgroup-knobs:barrierHoldsCgroupMutex=1', 'for a barrier'],
    ['+async-rcu-barrier', 'about nothing'],
    ['+async-rcu-barrier+cgroup-knobs:barrierHoldsCgroupMutex=1', 'about nothing'],
  ])('v4.10%s: others wait %s', async (patches, wait) => {
    const longest = await longestCall(patches);
    if (wait === 'for a barrier') expect(longest).toBeGreaterThan(5e6);
    else expect(longest).toBeLessThan(0.5e6);
  });
});

describe('two of its patches', () => {
  it('make the same kernel in either order', async () => {
    const orders = ['+split-sysfs-release+early-sysfs-removal', '+early-sysfs-removal+split-sysfs-release'];
    const [one, other] = await Promise.all(orders.map((patches) => removal(patches, 'slub')));
    expect([one?.outcome, one?.verdicts]).toEqual(['ok', []]);
    expect(other?.digest).toBe(one?.digest);
  });
});
