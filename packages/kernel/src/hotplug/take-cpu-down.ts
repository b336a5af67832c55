import { type Coroutine, call, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { rcuCpuDying } from '../rcu/hotplug.js';
import { defineHandler } from '../registry.js';
import { HotplugStep, Trace } from '../tracepoints.js';
import { leaveBehind, leftBehindBy } from './dead-cpu.js';

const setCpuOffline = defineHandler('hotplug.setCpuOffline', (node, args: { cpu: number }): void => {
  node.published.setOnline(args.cpu, false);
});

/**
 * take_cpu_down (kernel/cpu.c 4.10): on the CPU itself, with interrupts off everywhere. It leaves the online mask; the dying
 * steps run what is in its call queue (from 4.10 on) and hand its RCU callbacks, timers and stock over to whoever
 * takes it down. From now on the CPU is idle and takes no interrupt.
 */
export function* takeCpuDown(cpu: Cpu): Coroutine<void> {
  yield* requestAll(cpu.allNodes, setCpuOffline, { cpu: cpu.id });
  const { flushDying } = cpu.build.policies.smp;
  if (flushDying !== null) yield* call(flushDying, cpu);
  yield* call(rcuCpuDying, cpu);
  yield* request(cpu.node, leaveBehind, { cpu: cpu.id, left: leftBehindBy(cpu) });
  cpu.trace(Trace.hotplug, HotplugStep.dead, 0, 0, 0);
  cpu.die();
}
