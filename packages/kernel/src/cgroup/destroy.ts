import { BOOT_NODE, type Coroutine, call, type Handle, homeOf, request, requestAll, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { kernfsDrain } from '../fs/kernfs.js';
import { ENODEV } from '../fs/types.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { drainAllStock } from '../mm/memcontrol/stock.js';
import { percpuRefKill } from '../percpu-ref/percpu-ref.js';
import { callRcu } from '../rcu/callbacks.js';
import { defineFunction } from '../registry.js';
import { queueNewWork } from '../workqueue/workqueue.js';
import { cssGet, cssPut, cssRefs } from './css-ref.js';
import {
  adjustOnline,
  countCgroups,
  isLive,
  markDead,
  readCss,
  releaseCss,
  removeSubdirectory,
  withdrawCss,
} from './handlers.js';
import { countBelow, forgetDying } from './stat.js';
import { freeStructures } from './structures.js';

/*
 * The life of a css after rmdir (kernel/cgroup.c 4.10): killed → one grace period → confirm → offline (worker, under
 * cgroup_mutex) → last reference → release (worker, under cgroup_mutex) → one grace period → free (worker, no lock).
 * The cgroup's own css goes the same way without confirm and offline. All workers are of cgroup_destroy_wq, one item at
 * a time on the CPU that queued it, so one remover that stays on its CPU makes one serial queue.
 */

/** The cgroup has tasks or live children. */
const EBUSY = -16;

/** cgroup_rmdir: mark dead, kill the memory css and the cgroup's own. Evaluates to 0, -EBUSY, or -ENODEV if it is gone. */
export function* cgroupRmdir(cpu: Cpu, self: Handle, parentSelf: Handle, name: string): Coroutine<number> {
  yield* call(mutexLock, cpu, 'cgroup_mutex');
  const live = yield* request(homeOf(self), isLive, { self }, self);
  const result = live ? yield* call(cgroupDestroyLocked, cpu, self, parentSelf, name) : ENODEV;
  yield* call(mutexUnlock, cpu, 'cgroup_mutex');
  return result;
}

/** cgroup_destroy_locked. */
function* cgroupDestroyLocked(cpu: Cpu, self: Handle, parentSelf: Handle, name: string): Coroutine<number> {
  const { busy, memory } = yield* request(homeOf(self), markDead, { self }, self);
  if (busy) return EBUSY;
  yield* call(kernfsDrain, cpu, self);
  yield* call(cssGet, cpu, memory);
  yield* call(percpuRefKill, cpu, cssRefs, memory);
  yield* work(cpu.costs['cgroup.rmdir']);
  yield* request(homeOf(parentSelf), removeSubdirectory, { self: parentSelf, name }, parentSelf);
  yield* call(percpuRefKill, cpu, cssRefs, self);
  yield* call(countBelow, cpu, parentSelf, { live: -1, dying: 1 });
  return 0;
}

/** css_killed_ref_fn: every CPU knows that the css is dead. The own css has no offline step. */
defineFunction('confirm', 'css_killed_ref_fn', function* cssKilledRefFn(cpu, css) {
  const { isMemory } = yield* request(homeOf(css), readCss, { css }, css);
  if (!isMemory) return;
  const left = yield* request(homeOf(css), adjustOnline, { css, by: -1 }, css);
  if (left === 0) yield* call(queueNewWork, cpu, 'cgroup_destroy', 'css_killed_work_fn', css);
});

/** css_killed_work_fn: offline the css, then its parent if this was the parent's last online child and it is dead, too. */
defineFunction('work', 'css_killed_work_fn', function* cssKilledWorkFn(cpu, css) {
  yield* call(mutexLock, cpu, 'cgroup_mutex');
  for (let dying = css; dying !== 0; ) {
    const { parent } = yield* request(homeOf(dying), readCss, { css: dying }, dying);
    yield* call(offlineCss, cpu, dying);
    yield* call(cssPut, cpu, dying);
    const left = parent === 0 ? 1 : yield* request(homeOf(parent), adjustOnline, { css: parent, by: -1 }, parent);
    dying = left === 0 ? parent : 0;
  }
  yield* call(mutexUnlock, cpu, 'cgroup_mutex');
});

/** offline_css: ss->css_offline. Caller holds cgroup_mutex. */
function* offlineCss(cpu: Cpu, css: Handle): Coroutine<void> {
  cpu.counters.add('css_offline');
  const { memcg, reclaim } = cpu.build.policies;
  yield* call(memcg.offline, cpu, css);
  if (reclaim.drainStockAtOffline) yield* call(drainAllStock, cpu, css);
}

/** css_release, the percpu_ref's release function: runs in the context of the last put. */
defineFunction('release', 'css_release', function* cssRelease(cpu, css) {
  yield* call(cpu.build.policies.cgroup.release, cpu, css);
});

/** css_release (4.10): the css is released in process context. */
export function* cssReleaseByWork(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(queueNewWork, cpu, 'cgroup_destroy', 'css_release_work_fn', css);
}

/** css_release (3.14): the css is freed after a grace period, with no step before. */
export function* cssReleaseAtOnce(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(cpu.build.policies.cgroup.freeLater, cpu, css);
}

/** css_release_work_fn: take the css out of the hierarchy; it is freed after a grace period. */
defineFunction('work', 'css_release_work_fn', function* cssReleaseWorkFn(cpu, css) {
  yield* call(mutexLock, cpu, 'cgroup_mutex');
  cpu.counters.add('css_released');
  yield* call(forgetDying, cpu, css);
  yield* call(mutexUnlock, cpu, 'cgroup_mutex');
  yield* call(cpu.build.policies.cgroup.freeLater, cpu, css);
});

/** A callback that queues css_free_work_fn after a grace period (3.14 to 4.12). */
export function* cssFreeByRcu(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(callRcu, cpu, 'css_free_rcu_fn', css);
}

defineFunction('rcu', 'css_free_rcu_fn', function* cssFreeRcuFn(cpu, css) {
  yield* call(queueNewWork, cpu, 'cgroup_destroy', 'css_free_work_fn', css);
});

/** css_free_work_fn: ss->css_free without cgroup_mutex, then put what the css held: the cgroup, or the parent. */
defineFunction('work', 'css_free_work_fn', function* cssFreeWorkFn(cpu, css) {
  const { parent, self, isMemory } = yield* request(homeOf(css), readCss, { css }, css);
  if (isMemory) yield* call(cpu.build.policies.memcg.free, cpu, css);
  else {
    yield* call(freeStructures, cpu, css);
    yield* request(BOOT_NODE, countCgroups, { by: -1 });
  }
  yield* requestAll(cpu.allNodes, withdrawCss, { css });
  yield* request(homeOf(css), releaseCss, { css }, css);
  if (isMemory) yield* call(cssPut, cpu, self);
  yield* call(cssPut, cpu, parent);
});
