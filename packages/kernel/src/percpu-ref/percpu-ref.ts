import {
  type Coroutine,
  call,
  type Handle,
  type HandlerContext,
  homeOf,
  type PublishedTable,
  request,
  requestAll,
  type Step,
} from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { type Defect, orDefect } from '../defect.js';
import type { KernelNode } from '../node.js';
import type { Published } from '../published-state.js';
import { callRcuSched } from '../rcu/callbacks.js';
import { rcuReadLockSched, rcuReadUnlockSched } from '../rcu/read-sched.js';
import { defineFunction, defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';
import { type RefOwner, refOwners } from './counters.js';

/** Added to the shared count while per-CPU counters are in use, so that it cannot reach 0. Source: lib/percpu-refcount.c 4.10. */
export const REF_BIAS = 2 ** 40;

/** What a CPU sees of a reference count: counters of its own, or the shared one. */
const RefMode = { percpu: 0, atomic: 1 } as const;

/** The shared part of a percpu_ref, embedded in its owner at the owner's home. */
export class PercpuRef {
  /** Shared count; carries REF_BIAS until the switch to atomic mode is complete. */
  count = 1 + REF_BIAS;
  dead = false;
  /** The per-CPU counters are freed: by the switch itself, or by percpu_ref_exit. */
  exited = false;
}

/** The percpu_refs of one kind of object. An object is named by its handle, and its reference by its owner's. */
export interface RefClass {
  readonly owner: RefOwner;
  /** The shared part in the owner's record. @throws VerdictError if the owner was freed */
  readonly shared: (node: KernelNode, owner: Handle, step: () => Step) => PercpuRef;
  /** Where the mode is published, in the owner's row. */
  readonly table: (published: Published) => PublishedTable;
  readonly modeField: number;
  /** Registered `release` function, run in the context of the last put. */
  readonly release: string;
  /** Registered `confirm` function, run in softirq when no CPU can take the reference for live any more; null for none. */
  readonly confirm: string | null;
  /** Id of the defect by which an owner is freed while the switch of its reference is under way; none if absent. */
  readonly usedAfterFree?: Defect;
}

const classes = new Map<RefOwner, RefClass & { readonly switchToAtomic: string }>();

const sharedOf = (node: KernelNode, { owner, object }: RefName, step: () => Step): PercpuRef =>
  (classes.get(owner) as RefClass).shared(node, object, step);

const numberOf = (owner: RefOwner): number => refOwners.indexOf(owner);

/** A reference count, as messages name it. */
interface RefName {
  readonly owner: RefOwner;
  readonly object: Handle;
}

const getShared = defineHandler('percpuRef.get', (node, args: RefName & { n: number }, context): void => {
  sharedOf(node, args, context.step).count += args.n;
  node.trace(Trace.refTake, context.cpu, numberOf(args.owner), args.object, 0, 0);
});

/** Atomic mode: take a reference unless the count is 0. */
export const trygetShared = defineHandler('percpuRef.tryget', (node, args: RefName, context): boolean => {
  const ref = sharedOf(node, args, context.step);
  if (ref.count === 0) return false;
  ref.count++;
  node.trace(Trace.refTake, context.cpu, numberOf(args.owner), args.object, 0, 0);
  return true;
});

/** Answers true if this put was the last: the caller must release. */
export const putShared = defineHandler('percpuRef.put', (node, args: RefName & { n: number }, context): boolean => {
  const ref = sharedOf(node, args, context.step);
  ref.count -= args.n;
  return ref.count === 0;
});

/** Set DEAD, take the extra reference of the switch. */
export const killShared = defineHandler('percpuRef.kill', (node, args: RefName, context): void => {
  const ref = sharedOf(node, args, context.step);
  ref.dead = true;
  ref.count++;
  node.trace(Trace.refKill, context.cpu, numberOf(args.owner), args.object, 0, 0);
});

export const publishAtomic = defineHandler('percpuRef.publishAtomic', (node, args: RefName): void => {
  const { table, modeField } = classes.get(args.owner) as RefClass;
  table(node.published).write(args.object, modeField, RefMode.atomic);
});

/** Sum up and drop this node's per-CPU counters; after the grace period no CPU uses them any more. */
export const collectPercpu = defineHandler('percpuRef.collect', (node, args: RefName): number => {
  let sum = 0;
  for (const words of node.allWords()) sum += words.refs[args.owner].take(args.object);
  return sum;
});

/** The reference whose switch ends: the callback uses what the owner's memory holds by now. */
function switchingRef(node: KernelNode, name: RefName, step: () => Step): PercpuRef {
  const { usedAfterFree } = classes.get(name.owner) as RefClass;
  const touch = (): PercpuRef => sharedOf(node, name, step);
  return usedAfterFree === undefined ? touch() : orDefect(usedAfterFree, touch);
}

/** The sum of all counters replaces the bias; with `exit` the counters are freed at once. */
export const finishSwitch = defineHandler(
  'percpuRef.finishSwitch',
  (node, args: RefName & { sum: number; exit: boolean }, context): void => {
    const ref = switchingRef(node, args, context.step);
    ref.count += args.sum - REF_BIAS;
    node.trace(Trace.refSwitch, context.cpu, numberOf(args.owner), args.object, 0, 0);
    if (args.exit) ref.exited = true;
  },
);

/** percpu_ref_exit within a handler that frees the owner. */
export function exitRef(node: KernelNode, owner: RefOwner, object: Handle, context: HandlerContext): void {
  const ref = sharedOf(node, { owner, object }, context.step);
  if (ref.exited) return;
  ref.exited = true;
  node.trace(Trace.refExit, context.cpu, numberOf(owner), object, 0, 0);
}

const exitShared = defineHandler('percpuRef.exit', (node, args: RefName, context): void => {
  exitRef(node, args.owner, args.object, context);
});

/** Where an operation on a reference goes: to this CPU's own counter, or the shared one. Counted as that. */
function isPercpu(cpu: Cpu, { table, modeField }: RefClass, object: Handle): boolean {
  const rows = table(cpu.published);
  const percpu = rows.isCurrent(object) && rows.read(object, modeField) === RefMode.percpu;
  cpu.counters.add(percpu ? 'percpu_ref_local' : 'percpu_ref_shared');
  return percpu;
}

/** percpu_ref_get_many: the caller holds a reference already. Any context. */
export function* percpuRefGet(cpu: Cpu, refs: RefClass, object: Handle, n = 1): Coroutine<void> {
  if (isPercpu(cpu, refs, object)) cpu.ownWords.refs[refs.owner].add(object, n);
  else yield* request(homeOf(object), getShared, { owner: refs.owner, object, n }, object);
}

/** percpu_ref_put_many; the last put of a killed reference runs its release function here, in any context, with preemption off. */
export function* percpuRefPut(cpu: Cpu, refs: RefClass, object: Handle, n = 1): Coroutine<void> {
  if (isPercpu(cpu, refs, object)) {
    cpu.ownWords.refs[refs.owner].add(object, -n);
    return;
  }
  if (yield* request(homeOf(object), putShared, { owner: refs.owner, object, n }, object)) {
    rcuReadLockSched(cpu);
    cpu.trace(Trace.refRelease, numberOf(refs.owner), object, 0, 0);
    yield* call(cpu.build.functions.find('release', refs.release), cpu, object);
    cpu.trace(Trace.refRelease, numberOf(refs.owner), object, 1, 0);
    rcuReadUnlockSched(cpu);
  }
}

/** percpu_ref_tryget: succeeds in percpu mode, and in atomic mode unless the count is 0, even if the reference was killed. */
export function* percpuRefTryget(cpu: Cpu, refs: RefClass, object: Handle): Coroutine<boolean> {
  if (isPercpu(cpu, refs, object)) {
    cpu.ownWords.refs[refs.owner].add(object, 1);
    return true;
  }
  return yield* request(homeOf(object), trygetShared, { owner: refs.owner, object }, object);
}

/** percpu_ref_tryget_live: fails once the kill is visible here. */
// biome-ignore lint/correctness/useYield: in percpu mode the counter is this CPU's own
export function* percpuRefTrygetLive(cpu: Cpu, refs: RefClass, object: Handle): Coroutine<boolean> {
  if (!isPercpu(cpu, refs, object)) return false;
  cpu.ownWords.refs[refs.owner].add(object, 1);
  cpu.trace(Trace.refTake, numberOf(refs.owner), object, 1, 0);
  return true;
}

/**
 * percpu_ref_exit: free the per-CPU counters. Allowed once the reference is released, or if it was never killed and nobody
 * has it; never while a switch is pending (REF-5). Nothing is left to do where the switch has freed them.
 */
export function* percpuRefExit(refs: RefClass, object: Handle): Coroutine<void> {
  yield* request(homeOf(object), exitShared, { owner: refs.owner, object }, object);
}

/**
 * percpu_ref_kill_and_confirm: switch to atomic mode and drop the initial reference. After one grace period the counters
 * are summed and the confirm function runs, in softirq on this CPU.
 */
export function* percpuRefKill(cpu: Cpu, refs: RefClass, object: Handle): Coroutine<void> {
  const { owner } = refs;
  if (owner === 'css') cpu.trace(Trace.cssKill, object, 0, 0, 0);
  yield* request(homeOf(object), killShared, { owner, object }, object);
  yield* requestAll(cpu.allNodes, publishAtomic, { owner, object });
  yield* call(callRcuSched, cpu, (classes.get(owner) as { switchToAtomic: string }).switchToAtomic, object);
  yield* call(percpuRefPut, cpu, refs, object);
}

/** Register the percpu_refs of one kind of object, with the RCU callback that ends their switch (percpu_ref_switch_to_atomic_rcu). */
export function defineRefClass(refs: RefClass): RefClass {
  const { owner, confirm } = refs;
  const name = owner === 'css' ? 'percpu_ref_switch_to_atomic_rcu' : `percpu_ref_switch_to_atomic_rcu:${owner}`;
  const switchToAtomic = defineFunction('rcu', name, function* switchToAtomicRcu(cpu, object) {
    const sums = yield* requestAll(cpu.allNodes, collectPercpu, { owner, object });
    const sum = sums.reduce((a, b) => a + b, 0);
    const exit = cpu.build.policies.percpuRef.exitAtSwitch;
    yield* request(homeOf(object), finishSwitch, { owner, object, sum, exit }, object);
    if (confirm !== null) {
      cpu.trace(Trace.refConfirm, numberOf(owner), object, 0, 0);
      yield* call(cpu.build.functions.find('confirm', confirm), cpu, object);
    }
    yield* call(percpuRefPut, cpu, refs, object);
  });
  classes.set(owner, { ...refs, switchToAtomic });
  return refs;
}
