import { type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { initWork } from '../workqueue/items.js';
import { queueRcuWork } from '../workqueue/rcu-work.js';

/** css_free_rwork (5.2): the item that frees the css is pending from now on, and queued after a grace period. Any context. */
export function* cssFreeByRcuWork(cpu: Cpu, css: Handle): Coroutine<void> {
  const work = yield* request(cpu.node, initWork, { fn: 'css_free_work_fn', data: css, once: true });
  yield* call(queueRcuWork, cpu, 'cgroup_destroy', work);
}
