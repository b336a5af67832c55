import { after, type Coroutine, call, wait, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { rcuCheckCallbacks } from '../rcu/quiescent.js';
import { defineFunction } from '../registry.js';

/** An expired timer, waiting for its softirq. */
export interface ExpiredTimer {
  readonly name: string;
  readonly data: number;
}

/** The periodic tick is a timer of this name; it re-arms itself while the CPU is busy. */
export const TICK = 'tick';

/** Name under which schedule_timeout completes a waiter. */
const processTimeout = defineFunction('timer', 'process_timeout', function* processTimeout(cpu, waiter) {
  cpu.deliverCompletion(waiter, TIMED_OUT);
  yield* work(0);
});

/** Value of a wait that ended by its timeout. */
export const TIMED_OUT = -110;

/**
 * Local timer interrupt (smp_apic_timer_interrupt): a tick, periodic or for a wheel timer of an idle CPU, looks for RCU
 * work; expired timers are left to the softirq.
 */
export function* localTimerInterrupt(cpu: Cpu): Coroutine<void> {
  cpu.ownWords.interrupts.localTimer++;
  yield* work(cpu.costs['interrupt.entry']);
  if (!cpu.timers.tickExpired) return;
  cpu.timers.tickExpired = false;
  cpu.timers.armTick();
  cpu.schedulerTick();
  rcuCheckCallbacks(cpu, cpu.interruptsUser);
}

/** run_timer_softirq. */
export function* runTimers(cpu: Cpu): Coroutine<void> {
  const { expired } = cpu.timers;
  for (let timer = expired.shift(); timer !== undefined; timer = expired.shift()) {
    yield* call(cpu.build.functions.find('timer', timer.name), cpu, timer.data);
  }
}

/** Timers of this name are high-resolution: their interrupt is no tick. */
export const HRTIMER = defineFunction('timer', 'hrtimer_wakeup', function* hrtimerWakeup(cpu, waiter) {
  cpu.deliverCompletion(waiter, 0);
  yield* work(0);
});

/** hrtimer_nanosleep: block the task for `ns`. */
export function* hrtimerNanosleep(cpu: Cpu, ns: number): Coroutine<void> {
  const waiter = cpu.newWaiter();
  yield* after(ns, HRTIMER, waiter);
  yield* wait(waiter);
}

/** By how many jiffies the whole seconds of two neighbouring CPUs differ (round_jiffies_common). */
const SKEW = 3;

/**
 * round_jiffies_relative: `ns` from now, moved to a whole second, so that timers which need not be exact expire together; back
 * by less than a quarter of a second, or else forward. Each CPU has whole seconds of its own. Result in ns from now.
 */
export function roundJiffiesRelative(cpu: Cpu, ns: number): number {
  const { jiffy, jiffies: now } = cpu;
  const { hz } = cpu.build;
  const wanted = now + Math.round(ns / jiffy) + SKEW * cpu.id;
  const past = wanted % hz;
  const rounded = wanted - past + (past < hz / 4 ? 0 : hz) - SKEW * cpu.id;
  return rounded > now ? rounded * jiffy - cpu.now() : ns;
}

/**
 * schedule_timeout: wait for a waiter at most so many jiffies; evaluates to its value or TIMED_OUT. The timer wheel never ends
 * a wait early, so it may take up to one jiffy more (4.8 and later).
 */
export function* scheduleTimeout(cpu: Cpu, waiter: number, jiffies: number): Coroutine<number> {
  const { jiffy } = cpu;
  const ns = (jiffies + 1) * jiffy - (Math.floor(cpu.now()) % jiffy);
  const timer = yield* after(ns, processTimeout, waiter);
  const result = yield* wait(waiter);
  if (result !== TIMED_OUT) cpu.cancelTimer(timer);
  return result;
}
