import { type Counters, callCount, type RunResult } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';
import { onBoth, onLive, type Pair } from './both-machines.js';
import { called, countsOf, kicksSentBy, total } from './counts.js';

/** A run on a computer that does much else meanwhile. */
const MINUTES = 5 * 60_000;

const phaseOf = ({ phases }: RunResult, name: string): Counters => {
  const phase = phases[name];
  if (phase === undefined) throw new Error(`no phase ${name}`);
  return phase;
};

const ended = ({ outcome, failure, verdicts }: RunResult) => ({ outcome, failure, verdicts });
const well = { outcome: 'ok', failure: undefined, verdicts: [] };

/** Calls of functions that come with time, not with what the script does: timers, and waiting for grace periods, before which a reference is counted on its CPU. */
const WITH_TIME = [
  /^interrupts\.RES/,
  /^messages/,
  /^events$/,
  /^elapsed/,
  /^rcu\./,
  /^calls\.(cache_reap|queue_work|percpu_ref_\w+)$/,
];

/** Which CPU's worker makes a cache, so who sends the kick and who is kicked. */
const BY_CPU = [/^interrupts\.CAL/, /^ipi\.(sent|received|merged)By/];

/** How far creation lags behind the script: until a memcg's cache exists, each allocation asks for it again. */
const WITH_LAG = [/^calls\.(memcg_kmem_cache_create_func|hotplug_read_sections|(un)?accounted_allocations)$/];

/** Allocations are as many, whether or not their memcg’s cache existed yet. */
const allocationsIn = (counters: Counters): number =>
  callCount(counters, 'accounted_allocations') + callCount(counters, 'unaccounted_allocations');

/** What pins a memcg, so which of its caches are destroyed, and what that costs. */
const WITH_PINS = [
  /^ipi\./,
  /^memcg\.(dying|freed)$/,
  /^caches\.(destroyed|live|dead)$/,
  /^calls\.(call_rcu|css_\w+|kmem_cache_shrink|shutdown_cache|do_tune_cpucache|cache_list_steps)$/,
];

const both = ['v4.10', 'v4.10+avoid-kick-on-create'] as const;
const unpatched = ['v4.10'] as const;
const shapes = [
  { nodes: 1, cpusPerNode: 1, kernels: unpatched },
  { nodes: 1, cpusPerNode: 2, kernels: both },
  { nodes: 1, cpusPerNode: 16, kernels: unpatched },
  { nodes: 2, cpusPerNode: 4, kernels: both },
  { nodes: 4, cpusPerNode: 2, kernels: unpatched },
  { nodes: 4, cpusPerNode: 4, kernels: unpatched },
] as const;
const LOOPS = 10;
const CACHES = 3 * LOOPS;

describe.each(shapes)('avoid-ipis on $nodes x $cpusPerNode', ({ nodes, cpusPerNode, kernels }) => {
  const others = nodes * cpusPerNode - 1;
  let pairs: readonly Pair[];

  beforeAll(async () => {
    pairs = await onBoth({
      experiment: 'avoid-ipis',
      kernels: [...kernels],
      nodes,
      cpusPerNode,
      params: { loops: LOOPS },
    });
  }, 2 * MINUTES);

  describe.each(kernels.map((kernel, index) => ({ kernel, index, kicksPerCache: 1 - index })))(
    '$kernel',
    ({ index, kicksPerCache }) => {
      const pair = () => pairs[index] as Pair;

      test('ends well', () => {
        expect(ended(pair().live)).toEqual(well);
      });

      test('counts in the window what the deterministic machine counts, and what the law says', () => {
        const { live, sim } = pair();
        const except = [...WITH_TIME, ...BY_CPU, ...WITH_LAG];
        expect(countsOf(live.counters, except)).toEqual(countsOf(sim.counters, except));
        expect(allocationsIn(live.counters)).toBe(allocationsIn(sim.counters));
        const { caches, ipi, memcg } = live.counters;
        const kicks = kicksPerCache * CACHES;
        expect({ created: caches.created, memcgs: memcg.created }).toEqual({ created: CACHES, memcgs: LOOPS });
        expect(callCount(live.counters, 'kick_all_cpus_sync')).toBe(kicks);
        expect({ sent: ipi.sent, received: ipi.received, csd: ipi.csd }).toEqual({
          sent: kicks * others,
          received: kicks * others,
          csd: kicks * others,
        });
      });

      test('interrupts each CPU once for each kick that it did not send: who sends depends on which worker comes first', () => {
        const { counters } = pair().live;
        const { ipi, interrupts } = counters;
        const kicks = callCount(counters, 'kick_all_cpus_sync');
        if (others > 0) expect(total(kicksSentBy(counters))).toBe(kicks);
        expect(ipi.receivedBy).toEqual(kicksSentBy(counters).map((sent) => (others === 0 ? 0 : kicks - sent)));
        expect(interrupts.CAL.map((calls, cpu) => calls + (ipi.mergedBy[cpu] ?? 0))).toEqual(ipi.receivedBy);
      });

      test('asks for a cache once or more, more if creation lags behind the script', () => {
        const { counters } = pair().live;
        const asked = callCount(counters, 'memcg_kmem_cache_create_func');
        expect(asked).toBeGreaterThanOrEqual(CACHES);
        expect(callCount(counters, 'hotplug_read_sections')).toBe(asked);
        const reaps = callCount(counters, 'queue_work') - asked - callCount(counters, 'cache_reap');
        expect(Math.abs(reaps)).toBeLessThanOrEqual(others + 1);
      });

      test('boots with the same counts: 33 kicks of nobody, since one CPU is online', () => {
        const { live, sim } = pair();
        const boot = phaseOf(live, 'boot');
        const except = [...WITH_TIME, /^ipi\.(received|merged)By/];
        expect(countsOf(boot, except)).toEqual(countsOf(phaseOf(sim, 'boot'), except));
        expect({ kicks: callCount(boot, 'kick_all_cpus_sync'), ipis: boot.ipi.sent }).toEqual({ kicks: 33, ipis: 0 });
      });

      test('shrinks every cache at removal; how many memcgs are pinned then depends on how far creation lagged', () => {
        const { live, sim } = pair();
        const remove = phaseOf(live, 'remove');
        const except = [...WITH_TIME, ...BY_CPU, ...WITH_LAG, ...WITH_PINS];
        expect(countsOf(remove, except)).toEqual(countsOf(phaseOf(sim, 'remove'), except));
        const { memcg, caches, ipi } = remove;
        const existed = CACHES + caches.created;
        const shutdowns = callCount(remove, 'shutdown_cache');
        const shrinks = callCount(remove, 'kmem_cache_shrink');
        expect(memcg.dying + memcg.freed).toBe(LOOPS);
        expect(caches.dead + caches.destroyed).toBe(existed);
        expect({ shutdowns, shrinks }).toEqual({ shutdowns: caches.destroyed, shrinks: existed + shutdowns });
        expect(ipi.sent).toBe((shrinks + callCount(remove, 'kick_all_cpus_sync')) * others);
        expect(live.findings.find((finding) => finding.class === 'zombie-memcg')?.count ?? 0).toBe(memcg.dying);
        expect(live.findings.find((finding) => finding.class === 'dead-cache')?.count ?? 0).toBe(caches.dead);
      });

      test('makes one root cache after boot at the same cost', () => {
        expect(pair().live.rootCache).toEqual({ kicks: kicksPerCache, ipis: kicksPerCache * others });
        expect(pair().live.rootCache).toEqual(pair().sim.rootCache);
      });

      test('lets the script read no more than has been sent; it does not wait for the creation queue', () => {
        const { live, sim } = pair();
        expect(live.script?.first).toEqual(sim.script?.first);
        expect(live.script?.second.all).toBeLessThanOrEqual(live.counters.ipi.sent);
        expect(live.script?.second.cpu0).toBeLessThanOrEqual(live.counters.interrupts.CAL[0] ?? 0);
      });
    },
  );
});

const tunings = [
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 1, params: { writes: 4, children: 1 } },
  { kernel: 'v4.10', nodes: 1, cpusPerNode: 4, params: { writes: 6, children: 0 } },
  { kernel: 'v4.10+avoid-kick-on-create', nodes: 1, cpusPerNode: 4, params: { writes: 3, children: 2 } },
  { kernel: 'v4.10', nodes: 2, cpusPerNode: 2, params: { writes: 4, children: 2 } },
  { kernel: 'v4.10', nodes: 4, cpusPerNode: 1, params: { writes: 3, children: 1 } },
] as const;

describe.each(tunings)('tune-slabinfo on $nodes x $cpusPerNode, $params', ({ kernel, nodes, cpusPerNode, params }) => {
  test(
    `${kernel} kicks once per cache and write, and waits once per node for a shared array that it replaces`,
    async () => {
      const [{ live, sim }] = (await onBoth({
        experiment: 'tune-slabinfo',
        kernels: [kernel],
        nodes,
        cpusPerNode,
        params,
      })) as [Pair];
      expect(ended(live)).toEqual(well);
      const caches = 1 + params.children;
      const kicks = params.writes * caches;
      const others = nodes * cpusPerNode - 1;
      // On one CPU there are no shared arrays until the first write makes them.
      const replaced = others === 0 ? kicks - caches : kicks * nodes;
      expect(callCount(live.counters, 'kick_all_cpus_sync')).toBe(kicks);
      expect(callCount(live.counters, 'synchronize_sched')).toBe(replaced);
      // The writer is pinned to CPU0.
      expect(live.counters.interrupts.CAL).toEqual(
        sim.counters.interrupts.CAL.map((_, cpu) => (cpu === 0 ? 0 : kicks)),
      );
      expect(live.counters.ipi.sentBy).toEqual(sim.counters.ipi.sentBy);
      // The other tasks make files as long as the writes take, so what they call depends on time.
      const except = [...WITH_TIME, /^calls\.(call_rcu|hotplug_read_sections)$/];
      expect(countsOf(live.counters, except)).toEqual(countsOf(sim.counters, except));
      const creation = [...WITH_TIME, ...WITH_LAG, ...BY_CPU, /^calls\.call_rcu$/];
      expect(countsOf(phaseOf(live, 'boot'), creation)).toEqual(countsOf(phaseOf(sim, 'boot'), creation));
    },
    2 * MINUTES,
  );
});

describe('torture on 2 x 2', () => {
  const WITH_OTHERS = [
    // A memcg whose cache exists when dentry is tuned has it tuned, too: how many do depends on who was first.
    /^calls\.(kick_all_cpus_sync|synchronize_sched)$/,
    // How far the tasks on the other CPUs have come with their files when that on CPU0 ends, or the last one drops dentries.
    /^calls\.(kfree_rcu|dentries_shrunk)$/,
    // A memcg that nothing pins has its caches released with one barrier.
    /^calls\.rcu_barrier\./,
    // An inode whose dentry was dropped is read again: where that happens in a memcg, it has one more cache.
    /^caches\.created$/,
  ];

  test(
    'counts what the deterministic machine counts, except what a write to slabinfo or drop_caches meets',
    async () => {
      const [pair] = await onBoth({
        experiment: 'torture',
        kernels: ['v4.10'],
        nodes: 2,
        cpusPerNode: 2,
        params: { loops: 2 },
      });
      const { live, sim } = pair as Pair;
      expect(ended(live)).toEqual(well);
      const except = [...WITH_TIME, ...BY_CPU, ...WITH_LAG, ...WITH_PINS, ...WITH_OTHERS];
      expect(countsOf(live.counters, except)).toEqual(countsOf(sim.counters, except));
      const { counters } = live;
      const { created, destroyed, dead } = counters.caches;
      expect(counters.memcg.created).toBe(8);
      expect(created).toBeGreaterThanOrEqual(51);
      expect(destroyed + dead).toBe(created);
      // The other one is for the cache of the module.
      expect(counters.calls.rcu_barrier.requested).toBe(1 + counters.memcg.freed);
      const kicks = callCount(counters, 'kick_all_cpus_sync');
      expect(callCount(counters, 'do_tune_cpucache')).toBe(kicks);
      const drains = called(counters, 'kmem_cache_shrink') + called(counters, 'shutdown_cache');
      expect(counters.ipi.sent).toBeGreaterThanOrEqual(3 * kicks);
      expect(counters.ipi.sent).toBeLessThanOrEqual(3 * (kicks + drains));
    },
    2 * MINUTES,
  );
});

describe('a CPU that is stopped between loading cpu_cache and storing, on real threads', () => {
  const asked = { experiment: 'tune-slabinfo', nodes: 1, cpusPerNode: 2, params: { writes: 20, irqOffCpu: 1 } };
  test.each([1, 2, 3, 4, 5])(
    'is a use after free without the kick, run %i',
    async () => {
      const { outcome, verdicts } = await onLive({ ...asked, kernels: ['v4.10+never-kick'] });
      expect(outcome).toBe('violation');
      expect(verdicts[0]).toMatchObject({ class: 'use-after-free', id: 'SLAB-4' });
      const [freed, touched] = verdicts[0]?.steps ?? [];
      expect(freed).toMatchObject({ cpu: 0, task: 'script', function: 'freeArraySet' });
      expect(freed?.stack).toContain('doTuneCpucache');
      expect(touched?.cpu).toBe(1);
      expect(touched?.stack?.[0]).toBe(touched?.function);
      expect(touched?.time).toBeGreaterThan(freed?.time ?? Number.POSITIVE_INFINITY);
    },
    MINUTES,
  );

  test.each(both.flatMap((kernel) => [1, 2, 3].map((run) => [kernel, run] as const)))(
    'is waited for by the kick of %s, run %i',
    async (kernel) => {
      const result = await onLive({ ...asked, kernels: [kernel] });
      expect(ended(result)).toEqual(well);
      expect(result.durations.kick_all_cpus_sync?.max).toBeGreaterThanOrEqual(500_000);
    },
    MINUTES,
  );
});
