import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssGet, cssPut } from '../cgroup/css-ref.js';
import type { Cpu } from '../cpu.js';
import { defineFunction, defineSection } from '../registry.js';
import { queueNewWork } from '../workqueue/workqueue.js';
import { parentMemCgroup } from './memcontrol/hierarchy.js';

/** vmpressure_win: pages scanned before a level is worked out. Source: mm/vmpressure.c 4.10. */
const WINDOW = 512;
/** vmpressure_level_critical_prio: a reclaim that got down to this priority is in trouble. */
const CRITICAL_PRIORITY = 3;
/** Percentages of what was scanned and could not be reclaimed. */
const MEDIUM = 60;
const CRITICAL = 95;

export type PressureLevel = 'low' | 'medium' | 'critical';

/** Reclaim efficiency of a memcg and all below it since the last event, in pages (struct vmpressure). */
export interface Vmpressure {
  scanned: number;
  reclaimed: number;
  /** The item that works the level out is queued. */
  pending: boolean;
}

/** Adds to the window; answers whether it is full and its item is to be queued. */
const addToWindow = defineSection(
  'sr_lock',
  'vmpressure.add',
  (node, args: { css: Handle; scanned: number; reclaimed: number }, context): boolean => {
    const { pressure } = node.memcg(args.css, context.step).vm;
    pressure.scanned += args.scanned;
    pressure.reclaimed += args.reclaimed;
    if (pressure.scanned < WINDOW || pressure.pending) return false;
    pressure.pending = true;
    return true;
  },
);

const takeWindow = defineSection(
  'sr_lock',
  'vmpressure.take',
  (node, args: { css: Handle }, context): { scanned: number; reclaimed: number } => {
    const { pressure } = node.memcg(args.css, context.step).vm;
    const { scanned, reclaimed } = pressure;
    Object.assign(pressure, { scanned: 0, reclaimed: 0, pending: false });
    return { scanned, reclaimed };
  },
);

/** vmpressure_calc_level (4.10). */
export function pressureLevel(scanned: number, reclaimed: number): PressureLevel {
  const scale = scanned + reclaimed;
  const missed = reclaimed >= scanned ? 0 : scale - Math.floor((reclaimed * scale) / scanned);
  const percent = Math.floor((missed * 100) / scale);
  return percent >= CRITICAL ? 'critical' : percent >= MEDIUM ? 'medium' : 'low';
}

/**
 * vmpressure (4.10) for a subtree: pages that a reclaim scanned and reclaimed. The item holds a css reference, where the kernel
 * flushes it before it frees the memcg.
 */
export function* vmpressure(cpu: Cpu, css: Handle, scanned: number, reclaimed: number): Coroutine<void> {
  if (scanned === 0 || !(yield* request(homeOf(css), addToWindow, { css, scanned, reclaimed }, css))) return;
  yield* call(cssGet, cpu, css);
  yield* call(queueNewWork, cpu, 'system_wq', 'vmpressure_work_fn', css);
}

/** vmpressure_prio (4.10): a reclaim that is at a low priority counts as a window in which nothing was reclaimed. */
export function* vmpressurePrio(cpu: Cpu, css: Handle, priority: number): Coroutine<void> {
  if (priority <= CRITICAL_PRIORITY) yield* call(vmpressure, cpu, css, WINDOW, 0);
}

/** vmpressure_work_fn (4.10): tell whoever listens at the memcg, or at the nearest ancestor that has a listener. */
defineFunction('work', 'vmpressure_work_fn', function* vmpressureWorkFn(cpu, css) {
  const { scanned, reclaimed } = yield* request(homeOf(css), takeWindow, { css }, css);
  const level = pressureLevel(scanned, reclaimed);
  cpu.counters.add(`vmpressure_${level}`);
  const { onPressure } = cpu.build.policies.reclaim;
  for (let memcg = css; memcg !== 0; memcg = yield* call(parentMemCgroup, memcg)) {
    if (yield* call(onPressure, cpu, memcg, level)) break;
  }
  yield* call(cssPut, cpu, css);
});
