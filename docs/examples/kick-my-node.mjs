// A patch that looks good on one node: when a cache's arrays are replaced, interrupt the CPUs of the own node only.
// docs/tutorial.md asks whether it is safe.

/** @type {import('@kmemlab/kernel').Patch} */
export default {
  name: 'kick-my-node',
  summary: 'after arrays were replaced, kick the CPUs of the own node only',

  apply(kernel, api) {
    const { call, onEachCpuMask } = api;

    // Under slab_mutex, right after a cache's cpu_cache pointer was set; `previous` is 0 for a new cache.
    kernel.policies.slab.afterPublish = function* kickMyNode(cpu, previous) {
      if (previous === 0) return;
      const neighbours = cpu.published.onlineCpus().filter((other) => cpu.topology.nodeOf(other) === cpu.node);
      yield* call(onEachCpuMask, cpu, neighbours, 'do_nothing', 0, true);
    };
  },
};
