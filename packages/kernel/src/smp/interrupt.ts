import { type Coroutine, call, isCallFunction, post, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Trace } from '../tracepoints.js';
import type { CallSingleData } from './call-queue.js';
import { csdUnlock } from './handlers.js';

/**
 * generic_smp_call_function_interrupt (4.10): take the whole call queue and run it in FIFO order with interrupts off.
 * Serves both call-function vectors; counts one CAL, also when a late interrupt finds the queue empty.
 */
export function* smpCallFunctionInterrupt(cpu: Cpu, vector: number): Coroutine<void> {
  const raised = cpu.raisedTime(vector);
  const entered = cpu.now();
  cpu.ownWords.interrupts.call++;
  cpu.trace(Trace.ipiHandle, vector, 0, 0, 0);
  yield* work(cpu.costs['interrupt.entry']);
  yield* call(flushSmpCallFunctionQueue, cpu, raised, entered);
}

/** flush_smp_call_function_queue: synchronous csds are released after their function, others as the version has it. */
function* flushSmpCallFunctionQueue(cpu: Cpu, raised: number, entered: number): Coroutine<void> {
  const { takeCalls, runCall, releaseAsync } = cpu.build.policies.smp;
  const calls = takeCalls(cpu);
  cpu.trace(Trace.callQueue, 0, 0, 0, 0);
  for (const csd of calls) {
    const early = !csd.synchronous && releaseAsync === 'beforeRun';
    if (early) yield* call(csdRelease, cpu, csd, raised, entered);
    yield* call(runCall, cpu, csd);
    if (!early) yield* call(csdRelease, cpu, csd, raised, entered);
  }
  cpu.trace(Trace.callQueue, 1, 0, 0, 0);
}

/** Run the function of one csd. */
export function* runCall(cpu: Cpu, csd: CallSingleData): Coroutine<void> {
  cpu.trace(Trace.csdExecute, csd.sender, csd.waiter, Number(cpu.irqsOff), csd.info);
  yield* call(cpu.build.functions.find('csd', csd.fn), cpu, csd.info);
  cpu.trace(Trace.csdReturn, csd.sender, csd.waiter, 0, 0);
}

function* csdRelease(cpu: Cpu, csd: CallSingleData, raised: number, entered: number): Coroutine<void> {
  const args = { waiter: csd.waiter, target: cpu.id, raised, entered, done: cpu.now() };
  yield* post(cpu.nodeOf(csd.sender), csdUnlock, args);
}

/** smpcfd_dying_cpu (4.10): interrupts are off and nobody can send any more; what was sent is run, without an interrupt. */
export function* flushDyingCpu(cpu: Cpu): Coroutine<void> {
  yield* call(flushSmpCallFunctionQueue, cpu, cpu.now(), cpu.now());
}

/** A call-function interrupt that was under way when its CPU died: it is counted, and does nothing. */
// biome-ignore lint/correctness/useYield: nothing runs on a dead CPU
export function* deadCpuInterrupt(cpu: Cpu, vector: number): Coroutine<void> {
  if (!isCallFunction(vector)) return;
  cpu.ownWords.interrupts.call++;
  cpu.trace(Trace.ipiHandle, vector, 0, 0, 0);
  cpu.trace(Trace.callQueue, 1, 0, 0, 0);
}
