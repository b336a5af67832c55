import {
  batches,
  busyTasks,
  callbacks,
  fallsAsleep,
  inodesAgain,
  lag,
  pagesOfTasks,
  pinnedIds,
  pins,
  reapedAgain,
  sharedBarriers,
  stocks,
  tunesWhatIsThere,
  type Variation,
  wakeUps,
  walksPast,
  withTime,
} from './variations.js';

const KERNELS = ['v3.14', 'v4.10', 'v4.12', 'v5.2', 'v5.3', 'v5.9'] as const;
const ALLOCATORS = ['slab', 'slub'] as const;

/** A small scenario on one kernel, which both machines run, each on one node of two CPUs. */
export interface Cell {
  readonly experiment: string;
  readonly kernel: string;
  readonly config: string;
  readonly params: Readonly<Record<string, string>>;
  /** Machine time per host time on the live machine: as fast as sleeps may go without being short against real work. */
  readonly timeScale: number;
  /** Counts that the schedule decides. All others are the same on both machines. */
  readonly varies: readonly Variation[];
  /** Kinds of message of which there are as many on both machines. */
  readonly messages?: readonly string[];
  /** How the deterministic machine ends, if not well. On real threads the window may be missed. */
  readonly verdict?: string;
  /** How the live machine may end because of a defect that the kernel has. */
  readonly mayEnd?: string;
}

/** An experiment, and where it runs. */
interface Row extends Omit<Cell, 'kernel' | 'config' | 'params' | 'varies'> {
  readonly params?: Readonly<Record<string, number | string>>;
  readonly kernels?: readonly string[];
  readonly configs?: readonly string[];
  readonly varies?: readonly Variation[];
}

const everywhere = [withTime, wakeUps, stocks, pagesOfTasks, callbacks] as const;

const rows: readonly Row[] = [
  { experiment: 'avoid-ipis', params: { loops: 3 }, timeScale: 5, varies: [lag, pins, pinnedIds] },
  {
    experiment: 'tune-slabinfo',
    ...{ params: { writes: 2, children: 1 }, timeScale: 2, configs: ['slab'], varies: [lag, busyTasks] },
  },
  { experiment: 'barrier-batching', params: { memcgs: 2, caches: 1 }, timeScale: 10, varies: [batches, walksPast] },
  { experiment: 'left-in-stock', timeScale: 1, varies: [lag, pins, pinnedIds] },
  { experiment: 'zombies', params: { generations: 3, files: 2 }, timeScale: 20, varies: [reapedAgain] },
  {
    experiment: 'empty-cache',
    ...{ params: { memcgs: 2, objects: 8, freeAfter: 500_000, observe: 30_000 }, timeScale: 30 },
  },
  { experiment: 'find-timing', params: { files: 4, repeats: 2 }, timeScale: 5, varies: [lag] },
  { experiment: 'root-destruction', timeScale: 5 },
  {
    experiment: 'sleeping-allocation',
    ...{ params: { remove: 'no', sleep: 4000 }, timeScale: 5, varies: [fallsAsleep] },
  },
  {
    experiment: 'torture',
    ...{ params: { loops: 1 }, timeScale: 5, varies: [lag, pins, pinnedIds, tunesWhatIsThere, inodesAgain] },
  },
  // RCU alone, whatever the allocator.
  { experiment: 'rcutorture', params: { loops: 3 }, timeScale: 5, configs: ['slab'], varies: [sharedBarriers] },
  {
    experiment: 'reparenting-2014',
    ...{
      params: { memcgs: 2, useHierarchy: 1, pause: 2000 },
      timeScale: 20,
      kernels: ['v3.14', 'v3.14+reparent-2014'],
    },
    varies: [reapedAgain],
    // A CPU that frees a slab while its memcg goes spins for good (V2-a).
    mayEnd: 'stall',
  },
  // The mails' patches, each in the experiment that is about it.
  {
    experiment: 'empty-cache',
    params: { memcgs: 2, objects: 8, freeAfter: 500_000, observe: 5000 },
    timeScale: 10,
    kernels: [
      'v3.14+no-destroy-on-last-page:reaper=periodic:period=1',
      'v3.14+pin-until-release:retention=off',
      'v3.14+destroy-after-grace-period',
    ],
    varies: [reapedAgain],
  },
  {
    experiment: 'empty-cache',
    params: { memcgs: 2, objects: 8, freeAfter: 500_000, observe: 5000 },
    timeScale: 10,
    kernels: ['v3.14+destroy-on-last-object'],
    // Each object but the first is counted by an atomic operation.
    messages: ['memcg.countReferences'],
  },
  {
    experiment: 'zombies',
    ...{ params: { generations: 3, files: 2 }, timeScale: 20 },
    kernels: ['v5.2+percpu-ref-lifecycle'],
  },
  // As posted, the worker writes to the cache that it has freed (V5p-d).
  {
    experiment: 'posted-defects',
    ...{ params: { defect: 'd' }, timeScale: 1, kernels: ['v5.2+percpu-ref-lifecycle-v4'], configs: ['slab'] },
    verdict: 'use-after-free',
  },
  {
    experiment: 'barrier-batching',
    ...{ params: { memcgs: 2, caches: 1 }, timeScale: 5, varies: [batches, walksPast] },
    kernels: ['v4.10+async-rcu-barrier', 'v4.10+cgroup-knobs:barrierHoldsCgroupMutex=1:syncSched=perCacheInSlabMutex'],
  },
  // Where tasks in the kernel are preempted.
  {
    experiment: 'torture',
    ...{ params: { loops: 1 }, timeScale: 5, varies: [lag, pins, pinnedIds, tunesWhatIsThere, inodesAgain] },
    configs: ['slab,preempt', 'slub,preempt'],
  },
  // Defects that a kernel does not have, or has without breaking a rule.
  { experiment: 'posted-defects', params: { defect: 'd' }, timeScale: 1, kernels: ['v5.3'] },
  { experiment: 'object-defects', params: { defect: 'a' }, timeScale: 10, kernels: ['v5.9'] },
];

/** Every kernel with every allocator in every experiment that is about it. */
export const cells: readonly Cell[] = rows.flatMap(
  ({ kernels = KERNELS, configs = ALLOCATORS, params = {}, varies = [], ...row }) =>
    kernels.flatMap((kernel) =>
      configs.map((config) => ({
        ...row,
        ...{ kernel, config, varies: [...everywhere, ...varies] },
        params: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)])),
      })),
    ),
);
