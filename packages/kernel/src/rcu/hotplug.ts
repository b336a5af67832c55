import { BOOT_NODE, type Coroutine, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { KernelNode } from '../node.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';
import type { TakenCallbacks } from './callback-list.js';
import { countCallbacks } from './callbacks.js';
import { expeditedUp } from './expedited-reports.js';
import { type Flavour, rcuFlavours } from './flavours.js';
import { clearOwing, QuiescentBy, reportUp } from './quiescent.js';
import type { RcuSlab } from './tree.js';

/** From its next grace period on the leaf waits for the CPU. */
export function rcuOnline(node: KernelNode, cpu: number): void {
  if (node.topology.nodeOf(cpu) === node.id) node.rcu.online.add(cpu);
}

const cpuStarting = defineHandler('rcu.cpuStarting', (node, { cpu }: { cpu: number }): void => rcuOnline(node, cpu));

/** rcu_cpu_starting: on the CPU that comes up, before anything there reads. Later grace periods wait for it (RCU-3). */
export function* rcuCpuStarting(cpu: Cpu): Coroutine<void> {
  yield* request(cpu.node, cpuStarting, { cpu: cpu.id });
}

/** rcu_send_cbs_to_orphanage: callbacks of a CPU that goes down wait on the boot node for a new one. */
const orphanCallbacks = defineHandler(
  'rcu.orphan',
  (
    node,
    args: { cpu: number; lists: readonly { flavour: Flavour; taken: TakenCallbacks }[]; slabs: readonly RcuSlab[] },
  ): void => {
    for (const { flavour, taken } of args.lists) {
      const { orphans } = node.rcuRoots.of(flavour);
      const done = [...orphans.done, ...taken.done];
      node.rcuRoots.of(flavour).orphans = { done, waiting: [...orphans.waiting, ...taken.waiting] };
    }
    node.rcuRoots.slabs.push(...args.slabs);
  },
);

/** rcu_cleanup_dying_idle_cpu: the leaf does not wait for the CPU any more; what it owes counts as reported. */
const cpuDying = defineHandler('rcu.cpuDying', (node, { cpu }: { cpu: number }, context): void => {
  node.rcu.online.delete(cpu);
  node.trace(Trace.rcuCpu, cpu, 0, 0, 0, 0);
  for (const flavour of rcuFlavours.keys() as IterableIterator<Flavour>) {
    const leaf = node.rcu.of(flavour).leafOf(cpu);
    const period = { flavour, gp: node.rcuNumbers.started(flavour) };
    if (clearOwing(node, period, leaf, cpu, QuiescentBy.offline) && leaf.quiescent) {
      reportUp(node, period, leaf, context);
    }
    if (leaf.owingExpedited.delete(cpu) && leaf.quiescentExpedited) expeditedUp(node, flavour, leaf, context);
  }
});

/**
 * rcutree_dying_cpu: on the CPU that goes down, with interrupts off for good. It hands over its callbacks, those of barriers
 * with them, and reports itself quiescent.
 */
export function* rcuCpuDying(cpu: Cpu): Coroutine<void> {
  const { rcu } = cpu;
  const lists = rcu.all.map((data) => {
    const taken = data.callbacks.takeAll();
    countCallbacks(cpu, data, [...taken.done, ...taken.waiting], -1);
    data.needsReport = false;
    data.owesExpedited = false;
    return { flavour: data.flavour, taken };
  });
  rcu.softirq = false;
  yield* request(BOOT_NODE, orphanCallbacks, { cpu: cpu.id, lists, slabs: [...cpu.rcuSlabs] });
  cpu.rcuSlabs.clear();
  yield* request(cpu.node, cpuDying, { cpu: cpu.id });
}

const takeOrphans = defineHandler('rcu.takeOrphans', (node, args: { flavour: Flavour }): TakenCallbacks => {
  const root = node.rcuRoots.of(args.flavour);
  const { orphans } = root;
  root.orphans = { done: [], waiting: [] };
  return orphans;
});

const takeOrphanSlabs = defineHandler('rcu.takeOrphanSlabs', (node, _args: null): RcuSlab[] =>
  node.rcuRoots.slabs.splice(0),
);

/**
 * rcu_adopt_orphan_cbs: on the CPU that took the other one down, before hotplug is over. What may run goes behind what may
 * run here, the rest behind everything, in its order and as if it were new.
 */
export function* rcuAdoptOrphans(cpu: Cpu): Coroutine<void> {
  for (const [page, waiting] of yield* request(BOOT_NODE, takeOrphanSlabs, null)) cpu.rcuSlabs.set(page, waiting);
  for (const data of cpu.rcu.all) {
    const orphans = yield* request(BOOT_NODE, takeOrphans, { flavour: data.flavour });
    data.callbacks.adopt(orphans);
    countCallbacks(cpu, data, [...orphans.done, ...orphans.waiting], 1);
  }
}
