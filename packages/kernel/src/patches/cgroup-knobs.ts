import { type Coroutine, call } from '@kmemlab/machine';
import type { Patch, Policies } from '../build.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { kmemCacheShrinkDeactivate, memcgDeactivateKmemCaches } from '../mm/memcontrol/deactivate.js';
import { kickAllCpusSync } from '../smp/kick.js';

/** css_free, with the rcu_barrier that it may wait for, under cgroup_mutex. */
function freeUnderCgroupMutex({ memcg }: Policies): void {
  const { free } = memcg;
  memcg.free = function* freeLocked(cpu, css): Coroutine<void> {
    yield* call(mutexLock, cpu, 'cgroup_mutex');
    yield* call(free, cpu, css);
    yield* call(mutexUnlock, cpu, 'cgroup_mutex');
  };
}

export const cgroupKnobs: Patch = {
  name: 'cgroup-knobs',
  summary: 'what is waited for under cgroup_mutex and slab_mutex while a memcg goes',
  mail: 'Not a patch: what the mail "slab: remove synchronous rcu_barrier() call in memcg cache release path" (Tejun Heo, linux-mm, 2017) says of the barrier, and what kernels before 4.10 did',
  appliesTo: ['v4.10'],
  options: {
    barrierHoldsCgroupMutex: {
      kind: 'integer',
      min: 0,
      max: 1,
      default: 0,
      summary:
        '1: a memcg’s caches are shut down and released with cgroup_mutex held, as the mail says; 0: as the source does',
    },
    syncSched: {
      kind: 'choice',
      values: ['perMemcg', 'perCacheInSlabMutex', 'kickPerCache'],
      default: 'perMemcg',
      summary:
        'SLUB, until every CPU keeps no empty slabs: a grace period for all caches of a memcg (4.10), one for each with slab_mutex held (2016), or a kick of all CPUs for each (4.0)',
    },
  },
  apply: ({ policies }, _api, { barrierHoldsCgroupMutex, syncSched }) => {
    if (barrierHoldsCgroupMutex === 1) freeUnderCgroupMutex(policies);
    if (syncSched !== 'perMemcg') policies.memcg.deactivate = memcgDeactivateKmemCaches(kmemCacheShrinkDeactivate);
    if (syncSched === 'kickPerCache') policies.slub.afterZeroRetention = (cpu) => kickAllCpusSync(cpu);
  },
};
