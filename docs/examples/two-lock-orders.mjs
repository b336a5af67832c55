// A patch that deadlocks: it takes two mutexes in one order in one task, and in the other order in another.
// mkdir holds cgroup_mutex while it brings a memcg online; cache creation holds slab_mutex while it publishes the arrays.

const PAUSE = 200_000; // ns: makes it likely that the two meet

/** @type {import('@kmemlab/kernel').Patch} */
export default {
  name: 'two-lock-orders',
  summary: 'mkdir takes slab_mutex under cgroup_mutex, the creation of a cache cgroup_mutex under slab_mutex',

  apply({ policies }, { call, work, mutexLock, mutexUnlock, kickAllCpusSync }) {
    const { online } = policies.memcg;

    // Caller: cgroup_mkdir, with cgroup_mutex held.
    policies.memcg.online = function* onlineUnderSlabMutex(cpu, memcg) {
      yield* work(PAUSE);
      yield* call(mutexLock, cpu, 'slab_mutex');
      yield* call(mutexUnlock, cpu, 'slab_mutex');
      yield* call(online, cpu, memcg);
    };

    // Caller: create_cache, with slab_mutex held, once the kernel is up.
    policies.slab.afterPublish = function* publishUnderCgroupMutex(cpu) {
      yield* call(kickAllCpusSync, cpu);
      if (!cpu.published.slabFull) return;
      yield* work(PAUSE);
      yield* call(mutexLock, cpu, 'cgroup_mutex');
      yield* call(mutexUnlock, cpu, 'cgroup_mutex');
    };
  },
};
