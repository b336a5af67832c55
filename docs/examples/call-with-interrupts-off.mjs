// A patch that deadlocks: two CPUs, each with interrupts off, call each other and wait for the answer, which neither can give.

const PAUSE = 200_000; // ns with interrupts off: makes it likely that the two meet

/** @type {import('@kmemlab/kernel').Patch} */
export default {
  name: 'call-with-interrupts-off',
  summary: 'all CPUs are called with interrupts off, when a cache is made and when a task finds that it has none',

  apply({ policies }, { call, work, kickAllCpusSync }) {
    const { scheduleCreate } = policies.memcg;

    function* kickWithInterruptsOff(cpu) {
      const flags = cpu.irqSave();
      yield* work(PAUSE);
      yield* call(kickAllCpusSync, cpu);
      cpu.irqRestore(flags);
    }

    // Caller: the worker that makes the cache, under slab_mutex, once the kernel is up.
    policies.slab.afterPublish = function* publishAndKick(cpu) {
      yield* call(cpu.published.slabFull ? kickWithInterruptsOff : kickAllCpusSync, cpu);
    };

    // Caller: a task whose accounted allocation found no cache.
    policies.memcg.scheduleCreate = function* scheduleAndKick(cpu, memcg, root) {
      yield* call(scheduleCreate, cpu, memcg, root);
      yield* call(kickWithInterruptsOff, cpu);
    };
  },
};
