import { BOOT_NODE, type Coroutine, post, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import type { RcuHead } from './state.js';
import { requestGracePeriod } from './callbacks.js';

/** rcu_send_cbs_to_orphanage: callbacks of CPUs that died wait here, on the boot node. */
const orphan = defineHandler('rcu.orphan', (node, args: { heads: readonly RcuHead[] }): void => {
  node.rcuRoot.orphans.push(...args.heads);
});

const adopt = defineHandler('rcu.adopt', (node, _args: null): RcuHead[] => node.rcuRoot.orphans.splice(0));

/** rcutree_dying_cpu, on the CPU itself with interrupts off: it gives its callbacks away. */
export function* rcuCpuDying(cpu: Cpu): Coroutine<void> {
  const { rcu } = cpu;
  const heads = [...rcu.done, ...rcu.waiting.flatMap((batch) => batch.heads)];
  rcu.done = [];
  rcu.waiting.length = 0;
  rcu.length = 0;
  rcu.needsReport = false;
  cpu.ownWords.rcuCallbacks = 0;
  cpu.rcuSoftirq = false;
  yield* request(BOOT_NODE, orphan, { heads });
}

/** rcu_adopt_orphan_cbs, on the CPU that took the other one down: each callback waits for a grace period of its own. */
export function* rcuAdoptOrphans(cpu: Cpu): Coroutine<void> {
  const { rcu } = cpu;
  const heads = yield* request(BOOT_NODE, adopt, null);
  if (heads.length === 0) return;
  const gp = cpu.rcuCompleted + 2;
  for (const head of heads) rcu.add(gp, head);
  cpu.ownWords.rcuCallbacks = rcu.length;
  yield* post(BOOT_NODE, requestGracePeriod, { gp });
  cpu.armTick();
}

/** rcu_cpu_starting, on the CPU that comes up: it owes nothing for grace periods that began without it. */
// biome-ignore lint/correctness/useYield: this flavour keeps all it needs on the CPU
export function* rcuCpuStarting(cpu: Cpu): Coroutine<void> {
  cpu.rcu.gpSeen = cpu.rcuGpNumber;
  cpu.rcu.needsReport = false;
  cpu.rcu.passedQuiescent = false;
}
