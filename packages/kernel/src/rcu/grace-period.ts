import { BOOT_NODE, type Coroutine, call, request, requestAll, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Scalar } from '../published-state.js';
import { defineHandler } from '../registry.js';
import { TIMED_OUT, waitTimeout } from '../sched/timer.js';
import { rcuReport, reportNode } from './quiescent.js';

/** Sleep until the root has something to do: the kthread leaves its waiter there unless that is so already. */
const sleepAtRoot = defineHandler(
  'rcu.sleep',
  (node, args: { waiter: number; inProgress: boolean }): 'awake' | 'asleep' => {
    const root = node.rcuRoot;
    const ready = args.inProgress ? root.owingNodes.size === 0 : root.requested > root.completed;
    if (ready) return 'awake';
    root.sleeper = args.waiter;
    return 'asleep';
  },
);

/** The sleep timed out: take the waiter back. */
const wakeAtRoot = defineHandler('rcu.wake', (node): void => {
  node.rcuRoot.sleeper = 0;
});

const startAtRoot = defineHandler('rcu.startRoot', (node, _args: null): number => {
  const root = node.rcuRoot;
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
const forceQuiescent = defineHandler('rcu.fqs', (node, args: { gp: number }, context): void => {
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
 * rcu_gp_kthread of the rcu_sched flavour (4.10): waits for a request, starts a grace period on every leaf, forces
 * quiescent states every fqs interval, and completes it when the root has heard from all nodes. Never a fixed wait: the
 * interval only bounds how long idle CPUs go unnoticed.
 */
export function* rcuGpKthread(cpu: Cpu): Coroutine<never> {
  const nodes = cpu.allNodes;
  for (;;) {
    yield* call(sleepUntilReady, cpu, false, 0);
    const gp = yield* request(BOOT_NODE, startAtRoot, null);
    cpu.counters.add('rcu_grace_periods');
    yield* requestAll(nodes, startAtLeaf, { gp });
    yield* call(rcuReport, cpu);
    while ((yield* call(sleepUntilReady, cpu, true, cpu.fqsInterval)) === TIMED_OUT) {
      yield* requestAll(nodes, forceQuiescent, { gp });
    }
    yield* request(BOOT_NODE, completeAtRoot, null);
    yield* requestAll(nodes, completeAtLeaf, { gp });
  }
}

function* sleepUntilReady(cpu: Cpu, inProgress: boolean, timeout: number): Coroutine<number> {
  const waiter = cpu.newWaiter();
  if ((yield* request(BOOT_NODE, sleepAtRoot, { waiter, inProgress })) === 'awake') {
    cpu.dropWaiter(waiter);
    return 0;
  }
  if (timeout === 0) return yield* wait(waiter);
  const result = yield* call(waitTimeout, cpu, waiter, timeout);
  if (result === TIMED_OUT) yield* request(BOOT_NODE, wakeAtRoot, null);
  return result;
}
