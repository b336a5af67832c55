// A worked example of a patch: instead of one kick_all_cpus_sync, call every other CPU by itself, one after the other.
// The safety argument is the same: each CPU has left the interrupts-off region it was in. The cost is not.

/** @type {import('@kmemlab/kernel').Patch} */
export default {
  name: 'kick-one-by-one',
  summary: 'kick the other CPUs one by one instead of all at once',

  apply(kernel, api) {
    const { call, smpCallFunctionSingle } = api;

    // The policy runs under slab_mutex, right after a cache's cpu_cache pointer was set. It is also given the old set of
    // per-CPU arrays, 0 for a new cache, which this patch does not look at. Kernel functions are generators: every effect and call is a `yield*`.
    kernel.policies.slab.afterPublish = function* kickOneByOne(cpu) {
      for (const target of cpu.published.onlineCpus()) {
        if (target === cpu.id) continue;
        cpu.counters.add('single_kicks');
        yield* call(smpCallFunctionSingle, cpu, target, 'do_nothing', 0, true);
      }
    };
  },
};
