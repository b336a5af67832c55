import { BOOT_CPU, BOOT_NODE, type Coroutine, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { type Flavour, rcuFlavours } from './flavours.js';
import type { RcuData } from './state.js';

/**
 * rcu_start_future_gp at a node's leaves: while a grace period is in progress there, none can have started after it, so the
 * next one will do; its kthread hears of it when it ends this one. Answers with that number, 0 if only the root can tell.
 */
const needAtNode = defineHandler('rcu.needAtNode', (node, { flavour }: { flavour: Flavour }): number => {
  const started = node.rcuNumbers.started(flavour);
  if (started === node.rcuNumbers.completed(flavour)) return 0;
  const level = node.rcu.of(flavour);
  level.needed = Math.max(level.needed, started + 1);
  return started + 1;
});

/**
 * The same at the root, which knows what is in progress: completed + 1 if nothing is, else completed + 2. Wakes the kthread
 * if it sleeps for want of a grace period.
 */
const needAtRoot = defineHandler('rcu.needAtRoot', (node, { flavour }: { flavour: Flavour }, context): number => {
  const root = node.rcuRoots.of(flavour);
  const gp = root.gpNumber + 1;
  root.requested = Math.max(root.requested, gp);
  if (!root.kthreadAwake) {
    root.kthreadAwake = true;
    context.wakeThread(BOOT_CPU, rcuFlavours[flavour], flavour);
  }
  return gp;
});

/**
 * rcu_accelerate_cbs: give this CPU's new callbacks the number of the first grace period that starts after now, and ask for
 * it. Callbacks that an interrupt queues meanwhile stay without a number.
 */
export function* numberCallbacks(cpu: Cpu, { flavour, callbacks }: RcuData): Coroutine<void> {
  const count = callbacks.unnumbered;
  const here = yield* request(cpu.node, needAtNode, { flavour });
  const gp = here !== 0 ? here : yield* request(BOOT_NODE, needAtRoot, { flavour });
  callbacks.accelerate(count, gp);
}
