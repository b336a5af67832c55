import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../locking/spinlock.js';
import {
  defineRefClass,
  PercpuRef,
  percpuRefExit,
  percpuRefGet,
  percpuRefKill,
  percpuRefPut,
  percpuRefTryget,
} from '../../percpu-ref/percpu-ref.js';
import { CssField, ObjcgField, rootMemcg } from '../../published-state.js';
import { kfreeRcu } from '../../rcu/callbacks.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { defineFunction, defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { PAGE_SIZE } from '../page.js';
import { parentMemCgroup } from './hierarchy.js';
import { unchargeKmem } from './page-stock.js';

/** The reference count of an obj_cgroup: one for each object, stock and charge in flight, and one while it is active. */
export const objcgRefs = defineRefClass({
  owner: 'objcg',
  shared: (node, objcg, step) => node.objCgroups.get(objcg, step).ref,
  table: (published) => published.objCgroups,
  modeField: ObjcgField.refMode,
  release: 'obj_cgroup_release',
  confirm: null,
});

const allocate = defineHandler(
  'objcg.allocate',
  (node, _args: null): Handle => node.objCgroups.allocate({ ref: new PercpuRef(), nrChargedBytes: 0 }),
);

const publish = defineHandler('objcg.publish', (node, args: { objcg: Handle; memcg: Handle }): void => {
  node.percpuRefs.objcg.publish(args.objcg);
  node.published.objCgroups.publish(args.objcg);
  node.published.objCgroups.write(args.objcg, ObjcgField.memcg, args.memcg);
});

/** rcu_assign_pointer(memcg->objcg, …). */
const setActive = defineHandler('objcg.setActive', (node, args: { memcg: Handle; objcg: Handle }): void => {
  node.published.csses.write(args.memcg, CssField.objcg, args.objcg);
});

/** xchg(&objcg->memcg, …). */
const setMemcg = defineHandler('objcg.setMemcg', (node, args: { objcg: Handle; memcg: Handle }): void => {
  node.published.objCgroups.write(args.objcg, ObjcgField.memcg, args.memcg);
});

/** Put obj_cgroups onto the list of those that a memcg has inherited. Caller holds css_set_lock. */
export const listAdd = defineHandler(
  'objcg.listAdd',
  (node, args: { memcg: Handle; objcgs: Handle[] }, context): void => {
    const { inherited } = node.memcg(args.memcg, context.step);
    for (const objcg of args.objcgs) inherited.add(objcg);
  },
);

const listDelete = defineHandler('objcg.listDelete', (node, args: { memcg: Handle; objcg: Handle }, context): void => {
  node.memcg(args.memcg, context.step).inherited.delete(args.objcg);
});

/** Empty the list of a memcg that goes offline; answers with what was on it. Caller holds css_set_lock. */
const listTake = defineHandler('objcg.listTake', (node, args: { memcg: Handle }, context): Handle[] => {
  const { inherited } = node.memcg(args.memcg, context.step);
  const taken = [...inherited];
  inherited.clear();
  return taken;
});

/** atomic_xchg(&objcg->nr_charged_bytes, 0). */
export const takeChargedBytes = defineHandler(
  'objcg.takeChargedBytes',
  (node, args: { objcg: Handle }, context): number => {
    const record = node.objCgroups.get(args.objcg, context.step);
    const bytes = record.nrChargedBytes;
    record.nrChargedBytes = 0;
    return bytes;
  },
);

/** atomic_add(…, &objcg->nr_charged_bytes). */
export const addChargedBytes = defineHandler(
  'objcg.addChargedBytes',
  (node, args: { objcg: Handle; bytes: number }, context): void => {
    node.objCgroups.get(args.objcg, context.step).nrChargedBytes += args.bytes;
  },
);

const freeRecord = defineHandler('objcg.free', (node, args: { objcg: Handle }, context): void => {
  node.trace(Trace.objcgFree, context.cpu, args.objcg, 0, 0, 0);
  node.objCgroups.release(args.objcg, context.step());
});

const withdraw = defineHandler('objcg.withdraw', (node, args: { objcg: Handle }): void => {
  node.published.objCgroups.withdraw(args.objcg);
});

/** obj_cgroup_memcg: the memcg that it stands for now. Under RCU or css_set_lock; nothing holds the memcg afterwards. */
export const objCgroupMemcg = (cpu: Cpu, objcg: Handle): Handle =>
  cpu.published.objCgroups.read(objcg, ObjcgField.memcg);

/** obj_cgroup_get: the caller holds a reference already. */
export function* objCgroupGet(cpu: Cpu, objcg: Handle): Coroutine<void> {
  yield* call(percpuRefGet, cpu, objcgRefs, objcg);
}

/** obj_cgroup_put: the last one releases it, in any context. */
export function* objCgroupPut(cpu: Cpu, objcg: Handle): Coroutine<void> {
  yield* call(percpuRefPut, cpu, objcgRefs, objcg);
}

/** obj_cgroup_alloc, in css_alloc: the memcg gets its active one, which holds no reference on it. */
export function* objCgroupAlloc(cpu: Cpu, memcg: Handle): Coroutine<Handle> {
  const objcg = yield* request(cpu.node, allocate, null);
  yield* requestAll(cpu.allNodes, publish, { objcg, memcg });
  yield* requestAll(cpu.allNodes, setActive, { memcg, objcg });
  return objcg;
}

/**
 * get_obj_cgroup_from_current (5.9): from the payer upwards, the first memcg that has an active obj_cgroup of which a
 * reference can be had; one that was just killed will do, and the charge lands on the parent then. 0 if the walk ends at
 * the root. An RCU read section. As in the kernel, a failed tryget just before the root would go unnoticed (V6-g): active
 * pointers are cleared before the kill, and the count reaches 0 only a grace period after that.
 */
export function* getObjCgroup(cpu: Cpu, payer: Handle): Coroutine<Handle> {
  const root = rootMemcg(cpu.published);
  let objcg = 0;
  rcuReadLock(cpu);
  for (let memcg = payer; memcg !== root; memcg = yield* call(parentMemCgroup, memcg)) {
    if (memcg === 0)
      cpu.bug('get_obj_cgroup_from_current dereferences NULL: an offline memcg without use_hierarchy has no parent');
    objcg = cpu.published.csses.read(memcg, CssField.objcg);
    if (objcg !== 0 && (yield* call(percpuRefTryget, cpu, objcgRefs, objcg))) break;
  }
  rcuReadUnlock(cpu);
  return objcg;
}

/**
 * memcg_reparent_objcgs (5.9), when a memcg goes offline: its active obj_cgroup and those that it has inherited stand for
 * the parent from now on. No counter moves, since the parent's contain the memcg's. The reference count of the active one
 * is killed last. Caller holds cgroup_mutex.
 */
export function* memcgReparentObjcgs(cpu: Cpu, memcg: Handle, _id: number, parent: Handle): Coroutine<void> {
  const objcg = cpu.published.csses.read(memcg, CssField.objcg);
  yield* requestAll(cpu.allNodes, setActive, { memcg, objcg: 0 });
  const flags = yield* call(spinLockIrqsave, cpu, 'css_set_lock');
  yield* requestAll(cpu.allNodes, setMemcg, { objcg, memcg: parent });
  yield* call(cssGet, cpu, parent);
  const inherited = yield* request(homeOf(memcg), listTake, { memcg }, memcg);
  for (const old of inherited) {
    yield* call(cssGet, cpu, parent);
    yield* requestAll(cpu.allNodes, setMemcg, { objcg: old, memcg: parent });
    yield* call(cssPut, cpu, memcg);
  }
  yield* request(homeOf(parent), listAdd, { memcg: parent, objcgs: [objcg, ...inherited] }, parent);
  yield* call(spinUnlockIrqrestore, cpu, 'css_set_lock', flags);
  cpu.counters.add('objcg_reparented', 1 + inherited.length);
  cpu.trace(Trace.objcgKill, objcg, 0, 0, 0);
  yield* call(percpuRefKill, cpu, objcgRefs, objcg);
}

/**
 * obj_cgroup_release (5.9), in the context of the last put: no object and no stock has any of its bytes, so what is charged
 * is whole pages. They are uncharged, and the memcg that inherited it loses it, with a css reference.
 */
defineFunction('release', 'obj_cgroup_release', function* objCgroupRelease(cpu, objcg) {
  const bytes = yield* request(homeOf(objcg), takeChargedBytes, { objcg }, objcg);
  cpu.trace(Trace.objcgRelease, objcg, bytes, 0, 0);
  const flags = yield* call(spinLockIrqsave, cpu, 'css_set_lock');
  const memcg = objCgroupMemcg(cpu, objcg);
  const pages = Math.floor(bytes / PAGE_SIZE);
  if (pages > 0) yield* call(unchargeKmem, cpu, memcg, pages);
  yield* request(homeOf(memcg), listDelete, { memcg, objcg }, memcg);
  yield* call(cssPut, cpu, memcg);
  yield* call(spinUnlockIrqrestore, cpu, 'css_set_lock', flags);
  yield* call(percpuRefExit, objcgRefs, objcg);
  cpu.counters.add('objcg_released');
  yield* call(kfreeRcu, cpu, 'kfree_obj_cgroup', objcg);
});

defineFunction('rcu', 'kfree_obj_cgroup', function* kfreeObjCgroup(cpu, objcg) {
  yield* requestAll(cpu.allNodes, withdraw, { objcg });
  yield* request(homeOf(objcg), freeRecord, { objcg }, objcg);
});
