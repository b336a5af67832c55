import { after, type Coroutine, call, type PendingTimer, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { Stocked } from '../mm/memcontrol/cpu-stock.js';
import { slubCpuDead } from '../mm/slub/flush.js';
import type { LeftSlabs } from '../mm/slub/kmem-cache-cpu.js';
import { rcuAdoptOrphans } from '../rcu/hotplug.js';
import { defineHandler } from '../registry.js';
import { TICK } from '../sched/timer.js';

/** CPU-local state of a dead CPU that lives on elsewhere, as plain data at its node. */
export interface LeftBehind {
  readonly timers: readonly PendingTimer[];
  readonly stock: Stocked;
  /** What it held of SLUB's caches. */
  readonly cpuSlabs: readonly LeftSlabs[];
}

const NOTHING: LeftBehind = { timers: [], stock: { css: 0, pages: 0 }, cpuSlabs: [] };

export const leaveBehind = defineHandler(
  'hotplug.leaveBehind',
  (node, args: { cpu: number; left: LeftBehind }): void => {
    node.leftBehind.set(args.cpu, args.left);
    node.cpusDown.add(args.cpu);
  },
);

const takeOver = defineHandler('hotplug.takeOver', (node, args: { cpu: number }): LeftBehind => {
  const left = node.leftBehind.get(args.cpu) ?? NOTHING;
  node.leftBehind.delete(args.cpu);
  return left;
});

/** Take it all away from the CPU, which is this one. Its tick and its cache_reap end with it. */
export function leftBehindBy(cpu: Cpu): LeftBehind {
  const expired = cpu.timers.takeExpired().map((timer) => ({ ...timer, deferrable: false, left: 0 }));
  const timers = [...expired, ...cpu.takeTimers()].filter(({ name, data }) => name !== TICK && data !== cpu.reapWork);
  return { timers, stock: cpu.stock.take(), cpuSlabs: cpu.ownWords.cpuSlabs.takeAll() };
}

/**
 * The steps after a CPU's death on the CPU that took it down: timers_dead_cpu (migrate_timers), rcutree_dead_cpu and
 * memcg_hotplug_cpu_dead (4.10: a notifier) of the stock, slub_cpu_dead of what it held of caches. Process context, cpu_hotplug held for writing.
 */
export function* inherit(cpu: Cpu, dead: number): Coroutine<void> {
  const { timers, stock, cpuSlabs } = yield* request(cpu.nodeOf(dead), takeOver, { cpu: dead });
  for (const { left, name, data, deferrable } of timers) yield* after(left, name, data, deferrable);
  yield* call(rcuAdoptOrphans, cpu);
  cpu.timers.armTick();
  yield* call(cpu.build.policies.memcg.drainStockOf, cpu, stock);
  if (cpuSlabs.length > 0) yield* call(slubCpuDead, cpu, cpuSlabs);
}
