import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineHandler } from '../../registry.js';
import { hrtimerNanosleep } from '../../sched/timer.js';
import { tryToFreeMemCgroupPages } from '../vmscan.js';

/** MEM_CGROUP_RECLAIM_RETRIES */
const RETRIES = 5;
/** congestion_wait(BLK_RW_ASYNC, HZ/10), ns. */
const PAUSE = 100e6;

const readUsage = defineHandler(
  'pageCounter.usage',
  (node, args: { css: Handle }, context): number => node.memcg(args.css, context.step).counters.memory.usage,
);

/** mem_cgroup_force_empty (4.10): reclaim until the memcg has no charge, or a few rounds have brought nothing. Process context. */
export function* memCgroupForceEmpty(cpu: Cpu, css: Handle): Coroutine<void> {
  const usage = function* usage(): Coroutine<number> {
    return yield* request(homeOf(css), readUsage, { css }, css);
  };
  let before = yield* call(usage);
  for (let retries = RETRIES; retries > 0 && before > 0; ) {
    yield* call(tryToFreeMemCgroupPages, cpu, css);
    const after = yield* call(usage);
    if (after >= before) {
      retries--;
      yield* call(hrtimerNanosleep, cpu, PAUSE);
    }
    before = after;
  }
}
