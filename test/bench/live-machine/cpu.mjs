// The CPUs of a machine that is measured: v4.10, whose mkdir also makes the round trips that are timed.
import { defaultConfig, handlerAt, handlerCount, KernelBuild, patchApi, versions } from '@kmemlab/kernel';
import { runCpuWorker } from '@kmemlab/machine-live';

const { call, kickAllCpusSync, request, smpCallFunctionSingle } = patchApi;

const harmless = Array.from({ length: handlerCount() }, (_, index) => handlerAt(index)).find(
  ({ name }) => name === 'boot.setSlabFull',
);

/** One round trip of each kind, on the CPU on which mkdir runs. */
const trips = {
  kick: (cpu) => call(kickAllCpusSync, cpu),
  'own node': (cpu) => request(cpu.node, harmless, null),
  'other node': (cpu) => request(cpu.node + 1, harmless, null),
  'other CPU': (cpu) => call(smpCallFunctionSingle, cpu, cpu.topology.cpuCount - 1, 'do_nothing', 0, true),
};

/** `order`: rounds to make, ms they may take, rounds made. `samples`: ns of each. */
runCpuWorker(async ({ trip, order, samples }) => {
  const measured = {
    name: 'round-trips',
    summary: 'mkdir makes the round trips that are timed',
    apply({ policies }) {
      const { online } = policies.memcg;
      policies.memcg.online = function* onlineAndMeasure(cpu, memcg) {
        yield* call(online, cpu, memcg);
        const end = performance.now() + order[1];
        let made = 0;
        while (made < order[0] && performance.now() < end) {
          const start = performance.now();
          yield* trips[trip](cpu);
          samples[made++] = (performance.now() - start) * 1e6;
        }
        order[2] = made;
      };
    },
  };
  return {
    build: new KernelBuild(
      versions.find(({ name }) => name === 'v4.10'),
      [measured],
      defaultConfig,
    ),
    stretches: [],
  };
});
