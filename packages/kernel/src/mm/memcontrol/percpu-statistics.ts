import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { objCgroupCharge, refillObjStock } from './byte-stock.js';
import { memcgFlushPercpuVmstats } from './lruvec-stats.js';
import { getObjCgroup, objCgroupPut } from './obj-cgroup.js';

/** Bytes of a memcg's statistics per possible CPU, and of each of its nodes' lruvec statistics. An estimate. */
const MEMCG_BYTES = 2048;
const LRUVEC_BYTES = 640;

/** Nothing was charged because a limit forbids it. */
const DENIED = -1;

/** Bytes of the percpu areas that css_alloc of a memcg takes on this machine. */
const statisticsBytes = ({ topology }: Cpu): number =>
  (MEMCG_BYTES + topology.nodes * LRUVEC_BYTES) * topology.cpuCount;

const readOwner = defineHandler(
  'memcg.statisticsOwner',
  (node, args: { css: Handle }, context): Handle => node.memcg(args.css, context.step).statisticsOwner,
);

/**
 * The percpu statistics of a new memcg (mem_cgroup_alloc 5.9, which charges them to the parent): size times possible CPUs to
 * the parent's obj_cgroup, which stays the owner until the memcg is freed. Unlike with slab objects a failed charge fails
 * the allocation. Evaluates to the owner, 0 below the root, negative if a limit forbids it.
 */
export function* allocStatistics(cpu: Cpu, parent: Handle): Coroutine<Handle> {
  const objcg = yield* call(getObjCgroup, cpu, parent);
  if (objcg === 0) return 0;
  const bytes = statisticsBytes(cpu);
  if (yield* call(objCgroupCharge, cpu, objcg, bytes)) {
    cpu.trace(Trace.percpuAccount, objcg, bytes, 0, 0);
    return objcg;
  }
  yield* call(objCgroupPut, cpu, objcg);
  return DENIED;
}

/** mem_cgroup_free (5.9), in css_free: what CPUs still hold back of the memcg's statistics reaches its ancestors; then free_percpu. */
export function* freeStatistics(cpu: Cpu, css: Handle): Coroutine<void> {
  yield* call(memcgFlushPercpuVmstats, cpu, css, false);
  const objcg = yield* request(homeOf(css), readOwner, { css }, css);
  if (objcg === 0) return;
  const bytes = statisticsBytes(cpu);
  cpu.trace(Trace.percpuAccount, objcg, -bytes, 0, 0);
  yield* call(refillObjStock, cpu, objcg, bytes);
  yield* call(objCgroupPut, cpu, objcg);
}
