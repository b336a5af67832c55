import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { functionNumber } from '../registry.js';
import { Trace } from '../tracepoints.js';
import type { RcuHead } from './callback-list.js';
import { hasNews, rcuReport } from './quiescent.js';
import type { RcuData } from './state.js';

/** Callbacks invoked in one pass over a busy CPU (blimit). */
const BATCH_LIMIT = 10;
/** A list longer than this is invoked without limit (qhimark) until it is no longer than that (qlowmark). */
const HIGH_MARK = 10_000;
const LOW_MARK = 100;

function newHead(cpu: Cpu, fn: string, data: number, lazy: boolean): RcuHead {
  return { fn, data, serial: cpu.rcu.newSerial(cpu.id), lazy };
}

/** Callbacks of a flavour have come (or gone, if `by` is −1) on this CPU; rcu_barrier looks at their number. */
export function countCallbacks(cpu: Cpu, data: RcuData, heads: readonly RcuHead[], by: 1 | -1): void {
  cpu.rcu.count(data, heads, by);
  cpu.ownWords.setRcuCallbacks(data.flavour, data.length);
  if (data.length > HIGH_MARK) data.unlimited = true;
  else if (data.length <= LOW_MARK) data.unlimited = false;
}

function enqueue(cpu: Cpu, data: RcuData, fn: string, argument: number, lazy: boolean): void {
  const head = newHead(cpu, fn, argument, lazy);
  data.callbacks.add(head);
  countCallbacks(cpu, data, [head], 1);
  cpu.trace(Trace.rcuQueue, data.flavour, functionNumber('rcu', fn), argument, head.serial);
}

/**
 * Put a barrier's callback behind the last one of this CPU, which may be invoked just now; false if there is none
 * (rcu_segcblist_entrain, 5.2).
 */
export function entrain(cpu: Cpu, data: RcuData, fn: string, argument: number): boolean {
  if (data.length === 0) return false;
  const head = newHead(cpu, fn, argument, false);
  data.callbacks.entrain(head);
  countCallbacks(cpu, data, [head], 1);
  return true;
}

/** Queue a callback of a flavour that is not counted as anybody's call_rcu: those of barriers and of synchronize_*. */
export function queueCallback(cpu: Cpu, data: RcuData, fn: string, argument: number): void {
  enqueue(cpu, data, fn, argument, false);
}

/**
 * call_rcu (4.10): queue a callback on this CPU; it runs here, in softirq, after a full grace period. In a non-preemptible
 * kernel the same as call_rcu_sched. Any context, O(1): the next tick asks for the grace period.
 */
// biome-ignore lint/correctness/useYield: it only appends to this CPU's list
export function* callRcu(cpu: Cpu, fn: string, data: number): Coroutine<void> {
  cpu.counters.add('call_rcu');
  enqueue(cpu, cpu.rcu.rcu, fn, data, false);
}

/** call_rcu_sched (4.10): the callback runs when all code with preemption off has ended that was running at the call. */
// biome-ignore lint/correctness/useYield: it only appends to this CPU's list
export function* callRcuSched(cpu: Cpu, fn: string, data: number): Coroutine<void> {
  cpu.counters.add('call_rcu');
  enqueue(cpu, cpu.rcu.sched, fn, data, false);
}

/** call_rcu_bh (4.10): the same for code with softirqs off. */
// biome-ignore lint/correctness/useYield: it only appends to this CPU's list
export function* callRcuBh(cpu: Cpu, fn: string, data: number): Coroutine<void> {
  cpu.counters.add('call_rcu');
  enqueue(cpu, cpu.rcu.bh, fn, data, false);
}

/** kfree_rcu: call_rcu whose callback only frees (a lazy callback). */
// biome-ignore lint/correctness/useYield: it only appends to this CPU's list
export function* kfreeRcu(cpu: Cpu, fn: string, data: number): Coroutine<void> {
  cpu.counters.add('kfree_rcu');
  enqueue(cpu, cpu.rcu.rcu, fn, data, true);
}

/** rcu_process_callbacks: for each flavour notice and report grace periods, and invoke callbacks that may run. Softirq. */
export function* rcuProcessCallbacks(cpu: Cpu): Coroutine<void> {
  const { rcu } = cpu;
  rcu.softirq = false;
  for (const data of rcu.all) {
    if (hasNews(cpu, data)) yield* call(rcuReport, cpu, data);
    if (data.callbacks.ready > 0) yield* call(rcuDoBatch, cpu, data);
  }
}

/** rcu_do_batch: at most blimit callbacks while the CPU has something else to do. Blocking is forbidden in them (RCU-8). */
function* rcuDoBatch(cpu: Cpu, data: RcuData): Coroutine<void> {
  const { rcu } = cpu;
  const unlimited = data.unlimited || cpu.interruptsIdle;
  const batch = cpu.build.policies.rcu.takeReady(data, unlimited ? Number.POSITIVE_INFINITY : BATCH_LIMIT);
  rcu.invoking = true;
  for (const { fn, data: argument, serial } of batch) {
    cpu.trace(Trace.rcuInvoke, data.flavour, serial, 0, 0);
    yield* call(cpu.build.functions.find('rcu', fn), cpu, argument);
    cpu.trace(Trace.rcuInvoke, data.flavour, serial, 1, 0);
  }
  rcu.invoking = false;
  countCallbacks(cpu, data, batch, -1);
  if (data.callbacks.ready > 0) rcu.softirq = true;
}
