import { BOOT_NODE, type Coroutine, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Scalar } from '../published-state.js';
import { defineHandler } from '../registry.js';

/* Fault injection into allocations that may not wait (mm/failslab.c 5.3), for those that are worth failing. */

const publishOn = defineHandler('failslab.publish', (node, args: { on: boolean }): void => {
  node.published.setScalar(Scalar.failslab, Number(args.on));
});

const setTimes = defineHandler('failslab.setTimes', (node, args: { times: number }): void => {
  node.failslabTimes = args.times;
});

/** should_fail: answers true so many times. */
const shouldFail = defineHandler('failslab.shouldFail', (node, _args: null): boolean => {
  if (node.failslabTimes === 0) return false;
  node.failslabTimes--;
  return true;
});

/** Have the next `times` allocations fail that may not wait (/sys/kernel/debug/failslab/times). */
export function* failslab(cpu: Cpu, times: number): Coroutine<void> {
  yield* request(BOOT_NODE, setTimes, { times });
  yield* requestAll(cpu.allNodes, publishOn, { on: times > 0 });
}

/** should_failslab, of a GFP_NOWAIT allocation: whether it is to fail. Costs nothing while nothing is injected. */
export function* shouldFailslab(cpu: Cpu): Coroutine<boolean> {
  return cpu.published.scalar(Scalar.failslab) === 1 && (yield* request(BOOT_NODE, shouldFail, null));
}
