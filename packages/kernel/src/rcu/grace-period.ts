import { BOOT_NODE, type Coroutine, call, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Scalar } from '../published-state.js';
import { defineFunction, defineHandler } from '../registry.js';
import { TIMED_OUT, waitTimeout } from '../sched/timer.js';
import { rcuReport, reportNode } from './quiescent.js';
import { RCU_GP_KTHREAD } from './state.js';

/** The kthread goes to sleep until the last node has reported, which may have happened already. */
const sleepAtRoot = defineHandler('rcu.sleep', (node, args: { waiter: number }): 'awake' | 'asleep' => {
  const root = node.rcuRoot;
  if (root.owingNodes.size === 0) return 'awake';
  root.sleeper = args.waiter;
  return 'asleep';
});

/** The sleep timed out: take the waiter back. */
const wakeAtRoot = defineHandler('rcu.wake', (node): void => {
  node.rcuRoot.sleeper = 0;
});

/** Answers with the number of the grace period that starts, 0 if none is wanted: the kthread sleeps until one is. */
const startAtRoot = defineHandler('rcu.startRoot', (node, _args: null): number => {
  const root = node.rcuRoot;
  root.kthreadAwake = root.requested > root.completed;
  if (!root.kthreadAwake) return 0;
  root.gpNumber++;
  for (let n = 0; n < node.topology.nodes; n++) root.owingNodes.add(n);
  return root.gpNumber;
});

/** rcu_gp_init at a leaf: every online CPU owes a quiescent state (RCU-3). A node without online CPUs reports at once. */
const startAtLeaf = defineHandler('rcu.startLeaf', (node, args: { gp: number }, context): void => {
  const leaf = node.rcuLeaf;
  node.published.setScalar(Scalar.rcuGpNumber, args.gp);
  leaf.snapshots.clear();
  for (const words of node.allWords()) if (node.published.isOnline(words.cpu)) leaf.owing.add(words.cpu);
  if (leaf.owing.size === 0) context.post(BOOT_NODE, reportNode, { gp: args.gp, node: node.id });
});

/** Force quiescent states at a leaf: CPUs that are idle, or were since the first scan, count as quiescent (RCU-4). */
export const forceQuiescent = defineHandler('rcu.fqs', (node, args: { gp: number }, context): void => {
  const leaf = node.rcuLeaf;
  if (node.published.scalar(Scalar.rcuGpNumber) !== args.gp || leaf.owing.size === 0) return;
  context.charge(leaf.owing.size * node.costs['list.step']);
  for (const cpu of [...leaf.owing]) {
    const { dynticks } = node.words(cpu);
    const snapshot = leaf.snapshots.get(cpu);
    const idle = (dynticks & 1) === 0;
    if (idle || (snapshot !== undefined && snapshot !== dynticks)) leaf.owing.delete(cpu);
    else leaf.snapshots.set(cpu, dynticks);
  }
  if (leaf.owing.size === 0) context.post(BOOT_NODE, reportNode, { gp: args.gp, node: node.id });
});

const completeAtRoot = defineHandler('rcu.completeRoot', (node): void => {
  node.rcuRoot.completed = node.rcuRoot.gpNumber;
});

const completeAtLeaf = defineHandler('rcu.completeLeaf', (node, args: { gp: number }): void => {
  node.published.setScalar(Scalar.rcuCompleted, args.gp);
});

/**
 * rcu_gp_kthread of the rcu_sched flavour (4.10), from one wake-up to the next time that nobody wants a grace period: starts
 * one on every leaf, forces quiescent states every fqs interval, and completes it when the root has heard from all nodes.
 * Never a fixed wait: the interval only bounds how long idle CPUs go unnoticed.
 */
defineFunction('thread', RCU_GP_KTHREAD, function* rcuGpKthread(cpu) {
  for (;;) {
    const gp = yield* request(BOOT_NODE, startAtRoot, null);
    if (gp === 0) return;
    cpu.counters.add('rcu_grace_periods');
    yield* call(rcuGracePeriod, cpu, gp);
    cpu.counters.add('rcu_grace_periods_ended');
  }
});

function* rcuGracePeriod(cpu: Cpu, gp: number): Coroutine<void> {
  const nodes = cpu.allNodes;
  yield* requestAll(nodes, startAtLeaf, { gp });
  yield* call(rcuReport, cpu);
  while ((yield* call(sleepUntilReported, cpu)) === TIMED_OUT) yield* requestAll(nodes, forceQuiescent, { gp });
  yield* request(BOOT_NODE, completeAtRoot, null);
  yield* requestAll(nodes, completeAtLeaf, { gp });
}

/** At most an fqs interval. */
function* sleepUntilReported(cpu: Cpu): Coroutine<number> {
  const waiter = cpu.newWaiter();
  if ((yield* request(BOOT_NODE, sleepAtRoot, { waiter })) === 'awake') {
    cpu.dropWaiter(waiter);
    return 0;
  }
  const result = yield* call(waitTimeout, cpu, waiter, cpu.fqsInterval);
  if (result === TIMED_OUT) yield* request(BOOT_NODE, wakeAtRoot, null);
  return result;
}
