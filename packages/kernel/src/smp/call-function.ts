import { type Coroutine, call, post, raise, spin, Vector } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Trace } from '../tracepoints.js';
import { csdEnqueue } from './handlers.js';

/** The target is not online. */
const ENXIO = -6;

/** How a call went: number of targets, and the target that acknowledged last (or -1) with the moment all were raised. */
export interface CallOutcome {
  readonly targets: number;
  readonly slowest: number;
  readonly sent: number;
}

const NOBODY: CallOutcome = { targets: 0, slowest: -1, sent: 0 };

function begin(cpu: Cpu, wait: boolean): number {
  const number = ++cpu.smp.calls;
  cpu.preemptCount++;
  cpu.trace(Trace.callBegin, number, Number(cpu.irqsOff), cpu.spinlocksHeld, Number(wait));
  return number;
}

function end(cpu: Cpu, number: number, targets: number, wait: boolean): void {
  cpu.preemptCount--;
  cpu.trace(Trace.callEnd, number, targets, Number(wait), 0);
}

/**
 * smp_call_function_single (kernel/smp.c 4.10): run a csd function on one CPU. Preemption may be on, interrupts must be on.
 * Interrupts only if the target's queue was empty; on the calling CPU itself without an interrupt.
 * Evaluates to 0, or -ENXIO for a CPU that is not online.
 */
export function* smpCallFunctionSingle(
  cpu: Cpu,
  target: number,
  fn: string,
  info: number,
  wait: boolean,
): Coroutine<number> {
  const number = begin(cpu, wait);
  if (target === cpu.id) yield* call(runLocally, cpu, fn, info);
  else if (!cpu.published.isOnline(target)) {
    end(cpu, number, 0, wait);
    return ENXIO;
  } else yield* call(generic, cpu, target, fn, info, wait);
  end(cpu, number, 1, wait);
  return 0;
}

/** generic_exec_single: fill the csd, queue it, interrupt if the queue was empty, wait for the csd to be unlocked. */
function* generic(cpu: Cpu, target: number, fn: string, info: number, wait: boolean): Coroutine<void> {
  const { smp } = cpu;
  if (!wait) yield* call(cpu.build.policies.smp.waitForCsd, cpu, smp.csdData);
  const waiter = cpu.newWaiter();
  if (!wait) {
    smp.singles.delete(smp.csdData);
    smp.csdData = waiter;
  }
  smp.singles.set(waiter, target);
  cpu.trace(Trace.csdLock, target, waiter, 0, info);
  const csd = { fn, info, synchronous: wait, sender: cpu.id, waiter };
  cpu.debt += cpu.costs['ipi.send'];
  yield* post(cpu.nodeOf(target), csdEnqueue, { target, csd, ring: 'ifEmpty', vector: Vector.callFunctionSingle });
  smp.sentAt = cpu.now();
  if (!wait) return;
  yield* spin(waiter);
  smp.singles.delete(waiter);
}

/** A call to the own CPU: the function runs at once with interrupts off, no IPI. */
function* runLocally(cpu: Cpu, fn: string, info: number): Coroutine<void> {
  const saved = cpu.irqSave();
  yield* call(cpu.build.functions.find('csd', fn), cpu, info);
  cpu.irqRestore(saved);
}

/**
 * smp_call_function_many (kernel/smp.c 4.10): run a csd function on all online CPUs of `cpus` except this one.
 * No target: nothing. One: smp_call_function_single. More: one csd per target, then CALL_FUNCTION on the CPUs that the
 * version's rule picks. With `wait`, returns after the function has returned on every target (SMP-3).
 */
function* smpCallFunctionMany(
  cpu: Cpu,
  cpus: readonly number[],
  fn: string,
  info: number,
  wait: boolean,
): Coroutine<CallOutcome> {
  const targets = cpus.filter((target) => target !== cpu.id && cpu.published.isOnline(target));
  const first = targets[0];
  if (first === undefined) return NOBODY;
  if (targets.length === 1) {
    yield* call(smpCallFunctionSingle, cpu, first, fn, info, wait);
    return { targets: 1, slowest: wait ? first : -1, sent: cpu.smp.sentAt };
  }
  const number = begin(cpu, wait);
  const ring = cpu.build.policies.smp.maskCallRings === 'emptyQueues' ? 'ifEmpty' : 'no';
  for (const target of targets) {
    yield* call(lockCsd, cpu, target, info);
    const csd = { fn, info, synchronous: wait, sender: cpu.id, waiter: cpu.smp.cfd[target] as number };
    yield* post(cpu.nodeOf(target), csdEnqueue, { target, csd, ring, vector: Vector.callFunction });
  }
  if (ring === 'no') yield* call(sendCallFunctionIpiMask, cpu, targets);
  const sent = cpu.now();
  // The order of the waits shows nowhere; the CPU that was called last is likely to be the last to answer.
  if (wait) for (const target of targets.toReversed()) yield* spin(cpu.smp.cfd[target] as number);
  end(cpu, number, targets.length, wait);
  return { targets: targets.length, slowest: wait ? slowest(cpu, targets) : -1, sent };
}

/** csd_lock: spin until a previous call's csd for this target is unlocked, then take it (SMP-8). */
function* lockCsd(cpu: Cpu, target: number, info: number): Coroutine<void> {
  yield* call(cpu.build.policies.smp.waitForCsd, cpu, cpu.smp.cfd[target] as number);
  const waiter = cpu.newWaiter();
  cpu.smp.cfd[target] = waiter;
  cpu.trace(Trace.csdLock, target, waiter, 1, info);
}

/** csd_lock_wait: spin until the csd with this waiter is unlocked; 0 is a csd that was never used. */
export function* waitForCsd(cpu: Cpu, waiter: number): Coroutine<void> {
  if (cpu.isCompleted(waiter)) cpu.dropWaiter(waiter);
  else yield* spin(waiter);
}

/** arch_send_call_function_ipi_mask. */
function* sendCallFunctionIpiMask(cpu: Cpu, targets: readonly number[]): Coroutine<void> {
  for (const target of targets) {
    cpu.countIpi(target);
    cpu.trace(Trace.ipiSend, target, Vector.callFunction, 0, 1);
  }
  yield* raise(targets, Vector.callFunction);
}

function slowest(cpu: Cpu, targets: readonly number[]): number {
  const times = cpu.ownWords.callTimes;
  return targets.reduce((worst, target) => (times.done(target) > times.done(worst) ? target : worst));
}

/** smp_call_function: all other online CPUs. */
export function* smpCallFunction(cpu: Cpu, fn: string, info: number, wait: boolean): Coroutine<CallOutcome> {
  if (wait) cpu.trace(Trace.callAll, 0, 0, 0, 0);
  const outcome = yield* call(smpCallFunctionMany, cpu, cpu.build.policies.smp.everyone(cpu), fn, info, wait);
  if (wait) cpu.trace(Trace.callAll, 1, 0, 0, 0);
  return outcome;
}

/** on_each_cpu: all other online CPUs, then this one with interrupts off. */
export function* onEachCpu(cpu: Cpu, fn: string, info: number, wait: boolean): Coroutine<void> {
  cpu.preemptCount++;
  yield* call(smpCallFunction, cpu, fn, info, wait);
  yield* call(runLocally, cpu, fn, info);
  cpu.preemptCount--;
}

/** on_each_cpu_mask: the online CPUs of `cpus`; this one, if it is among them, last. */
export function* onEachCpuMask(
  cpu: Cpu,
  cpus: readonly number[],
  fn: string,
  info: number,
  wait: boolean,
): Coroutine<void> {
  cpu.preemptCount++;
  yield* call(smpCallFunctionMany, cpu, cpus, fn, info, wait);
  if (cpus.includes(cpu.id)) yield* call(runLocally, cpu, fn, info);
  cpu.preemptCount--;
}

/** on_each_cpu_cond: the condition is evaluated on this CPU for every online CPU, without any lock. */
export function* onEachCpuCond(
  cpu: Cpu,
  condition: (target: number) => boolean,
  fn: string,
  info: number,
  wait: boolean,
): Coroutine<void> {
  cpu.preemptCount++;
  yield* call(onEachCpuMask, cpu, cpu.published.onlineCpus().filter(condition), fn, info, wait);
  cpu.preemptCount--;
}
