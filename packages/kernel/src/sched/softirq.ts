import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { rcuProcessCallbacks } from '../rcu/callbacks.js';
import { rcuNoteSoftirqEnd } from '../rcu/quiescent.js';
import { runTimers } from './timer.js';

/** __do_softirq: timers, then RCU, with interrupts on. Runs at the exit of an interrupt, or before the CPU goes idle. */
export function* doSoftirq(cpu: Cpu): Coroutine<void> {
  cpu.ownWords.disturbances.softirqs++;
  if (cpu.timers.expired.length > 0) yield* call(runTimers, cpu);
  if (cpu.rcu.softirq) yield* call(rcuProcessCallbacks, cpu);
  rcuNoteSoftirqEnd(cpu);
}
