import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { CssField } from '../published-state.js';
import { callRcu } from '../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';

/** Added to the shared count while per-CPU counters are in use, so that it cannot reach 0. Source: lib/percpu-refcount.c 4.10. */
const BIAS = 2 ** 40;

/** What a CPU sees of a reference count: counters of its own, or the shared one. */
const RefMode = { percpu: 0, atomic: 1 } as const;

/** The shared part of a percpu_ref, embedded in its css at the css's home. */
export class PercpuRef {
  /** Shared count; carries BIAS until the switch to atomic mode is complete. */
  count = 1 + BIAS;
  dead = false;
  released = false;
}

const getShared = defineHandler('percpuRef.get', (node, args: { css: Handle; n: number }, context): void => {
  node.csses.get(args.css, context.step).ref.count += args.n;
});

/** Answers true if this put was the last: the caller must release. */
const putShared = defineHandler('percpuRef.put', (node, args: { css: Handle; n: number }, context): boolean => {
  const { ref } = node.csses.get(args.css, context.step);
  ref.count -= args.n;
  if (ref.count !== 0 || ref.released) return false;
  ref.released = true;
  return true;
});

/** Set DEAD, take the extra reference of the switch. */
const killShared = defineHandler('percpuRef.kill', (node, args: { css: Handle }, context): void => {
  const { ref } = node.csses.get(args.css, context.step);
  ref.dead = true;
  ref.count++;
});

const publishAtomic = defineHandler('percpuRef.publishAtomic', (node, args: { css: Handle }): void => {
  node.published.csses.write(args.css, CssField.refMode, RefMode.atomic);
});

/** Sum up and drop this node's per-CPU counters; after the grace period no CPU uses them any more. */
const collectPercpu = defineHandler('percpuRef.collect', (node, args: { css: Handle }): number => {
  let sum = 0;
  for (const words of node.allWords()) sum += words.refs.take(args.css);
  return sum;
});

const finishSwitch = defineHandler(
  'percpuRef.finishSwitch',
  (node, args: { css: Handle; sum: number }, context): void => {
    node.csses.get(args.css, context.step).ref.count += args.sum - BIAS;
  },
);

const isPercpu = (cpu: Cpu, css: Handle): boolean =>
  cpu.published.csses.isCurrent(css) && cpu.published.csses.read(css, CssField.refMode) === RefMode.percpu;

/** percpu_ref_get_many: the caller holds a reference already. Any context. */
export function* percpuRefGet(cpu: Cpu, css: Handle, n = 1): Coroutine<void> {
  if (isPercpu(cpu, css)) cpu.ownWords.refs.add(css, n);
  else yield* request(homeOf(css), getShared, { css, n }, css);
}

/** percpu_ref_put_many; the last put of a killed reference runs its release function here, in any context. */
export function* percpuRefPut(cpu: Cpu, css: Handle, n = 1): Coroutine<void> {
  if (isPercpu(cpu, css)) {
    cpu.ownWords.refs.add(css, -n);
    return;
  }
  if (yield* request(homeOf(css), putShared, { css, n }, css)) {
    yield* call(cpu.build.functions.find('release', 'css_release'), cpu, css);
  }
}

/** percpu_ref_tryget_live: fails once the kill is visible here. */
// biome-ignore lint/correctness/useYield: in percpu mode the counter is this CPU's own
export function* percpuRefTrygetLive(cpu: Cpu, css: Handle): Coroutine<boolean> {
  if (!isPercpu(cpu, css)) return false;
  cpu.ownWords.refs.add(css, 1);
  return true;
}

/**
 * percpu_ref_kill_and_confirm: switch to atomic mode and drop the initial reference. After one grace period the counters
 * are summed and the confirm function runs, in softirq on this CPU.
 */
export function* percpuRefKill(cpu: Cpu, css: Handle): Coroutine<void> {
  cpu.trace(Trace.cssKill, css, 0, 0, 0);
  yield* request(homeOf(css), killShared, { css }, css);
  yield* requestAll(cpu.allNodes, publishAtomic, { css });
  yield* call(callRcu, cpu, switchToAtomic, css);
  yield* call(percpuRefPut, cpu, css);
}

/** percpu_ref_switch_to_atomic_rcu. */
const switchToAtomic = defineFunction('rcu', 'percpu_ref_switch_to_atomic_rcu', function* switchToAtomicRcu(cpu, css) {
  const sums = yield* requestAll(cpu.allNodes, collectPercpu, { css });
  yield* request(homeOf(css), finishSwitch, { css, sum: sums.reduce((a, b) => a + b, 0) }, css);
  yield* call(cpu.build.functions.find('confirm', 'css_killed_ref_fn'), cpu, css);
  yield* call(percpuRefPut, cpu, css);
});
