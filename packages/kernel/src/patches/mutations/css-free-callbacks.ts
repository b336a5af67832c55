import { type Coroutine, call } from '@kmemlab/machine';
import type { KernelBuild } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { rcuWorkCallback } from '../../workqueue/rcu-work.js';

/** The RCU callbacks that queue the item which frees a css: to 4.12, and from 5.2 on. */
const CALLBACKS = ['css_free_rcu_fn', rcuWorkCallback('cgroup_destroy')];

/** Have `first` run at the beginning of the RCU callback that queues the item which frees a css. @param first gets the callback's name and data */
export function beginCssFreeCallback(
  { functions }: KernelBuild,
  first: (cpu: Cpu, name: string, data: number) => Coroutine<void>,
): void {
  for (const name of CALLBACKS) {
    functions.replaceFunction(
      'rcu',
      name,
      (original) =>
        function* beginThenQueue(cpu, data): Coroutine<void> {
          yield* call(first, cpu, name, data);
          yield* call(original, cpu, data);
        },
    );
  }
}
