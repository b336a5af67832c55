import { BOOT_NODE, type Coroutine, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';

/** Counters of the CPU- and memory-hotplug read sides; 3.14 to 4.12 count readers, nobody writes while a run is measured. */
const adjustReaders = defineHandler('hotplug.readers', (node, args: { by: number }): void => {
  node.hotplugReaders += args.by;
});

/** get_online_cpus and get_online_mems, in this order: hotplug cannot change the set of CPUs or nodes until put. */
export function* getOnlineCpusMems(_cpu: Cpu): Coroutine<void> {
  yield* request(BOOT_NODE, adjustReaders, { by: 1 });
}

/** put_online_mems and put_online_cpus. */
export function* putOnlineCpusMems(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('hotplug_read_sections');
  yield* request(BOOT_NODE, adjustReaders, { by: -1 });
}
