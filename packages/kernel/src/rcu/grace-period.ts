import { BOOT_NODE, type Coroutine, call, request, requestAll, Vector } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineFunction, defineHandler } from '../registry.js';
import { scheduleTimeout, TIMED_OUT } from '../sched/timer.js';
import { Trace } from '../tracepoints.js';
import { type Flavour, rcuFlavours } from './flavours.js';
import { clearOwing, type GracePeriod, QuiescentBy, rcuReport, reportNode, reportUp } from './quiescent.js';

/** Parts of a second after which a CPU that has not reported is asked to reschedule, and jiffies until it is asked again. */
const URGE_AFTER = 20;
const URGE_AGAIN = 5;

/** The kthread goes to sleep until the last node has reported, which may have happened already. */
const sleepAtRoot = defineHandler(
  'rcu.sleep',
  (node, args: { flavour: Flavour; waiter: number }): 'awake' | 'asleep' => {
    const root = node.rcuRoots.of(args.flavour);
    if (root.owingNodes.size === 0) return 'awake';
    root.sleeper = args.waiter;
    return 'asleep';
  },
);

/** The sleep timed out: take the waiter back. */
const wakeAtRoot = defineHandler('rcu.wake', (node, { flavour }: { flavour: Flavour }): void => {
  node.rcuRoots.of(flavour).sleeper = 0;
});

/** Answers with the number of the grace period that starts, 0 if none is wanted: the kthread sleeps until one is. */
const startAtRoot = defineHandler(
  'rcu.startRoot',
  (node, { flavour, needed }: { flavour: Flavour; needed: number }, context): number => {
    const root = node.rcuRoots.of(flavour);
    root.requested = Math.max(root.requested, needed);
    root.kthreadAwake = root.requested > root.completed;
    if (!root.kthreadAwake) return 0;
    root.gpNumber++;
    for (let n = 0; n < node.topology.nodes; n++) root.owingNodes.add(n);
    node.trace(Trace.rcuGracePeriod, context.cpu, flavour, root.gpNumber, 0, 0);
    return root.gpNumber;
  },
);

/**
 * rcu_gp_init at the leaves of a node: every CPU that has come online by now owes a quiescent state (RCU-3), and every reader
 * that is off its CPU is waited for. A node without either reports at once.
 */
export const startAtLeaf = defineHandler('rcu.startLeaf', (node, args: GracePeriod, context): void => {
  const { flavour, gp } = args;
  const level = node.rcu.of(flavour);
  node.rcuNumbers.start(flavour, gp);
  level.owing.clear();
  for (const [number, leaf] of level.leaves.entries()) {
    leaf.snapshots.clear();
    for (const cpu of node.rcu.online) if (leaf.has(cpu)) leaf.owing.add(cpu);
    for (const task of leaf.blocked.keys()) leaf.blocking.add(task);
    if (!leaf.quiescent) level.owing.add(number);
  }
  if (level.owing.size === 0) context.post(BOOT_NODE, reportNode, { flavour, gp, node: node.id });
});

/**
 * force_qs_rnp at the leaves of a node: CPUs that are idle or offline, or were idle since the first scan, count as quiescent
 * (RCU-4). With `urge`, the others are asked to reschedule.
 */
export const forceQuiescent = defineHandler('rcu.fqs', (node, args: GracePeriod & { urge: boolean }, context): void => {
  const { flavour, gp, urge } = args;
  if (node.rcuNumbers.started(flavour) !== gp) return;
  for (const leaf of node.rcu.of(flavour).leaves) {
    if (leaf.owing.size === 0) continue;
    context.charge(leaf.owing.size * node.costs['list.step']);
    for (const cpu of [...leaf.owing]) {
      const words = node.words(cpu);
      const { dynticks } = words;
      const snapshot = leaf.snapshots.get(cpu);
      if (!node.rcu.online.has(cpu)) clearOwing(node, args, leaf, cpu, QuiescentBy.offline);
      else if ((dynticks & 1) === 0 || (snapshot !== undefined && snapshot !== dynticks)) {
        clearOwing(node, args, leaf, cpu, QuiescentBy.idle);
      } else {
        leaf.snapshots.set(cpu, dynticks);
        if (urge) {
          words.rcuUrgent = true;
          context.raise(cpu, Vector.reschedule);
        }
      }
    }
    if (leaf.quiescent) reportUp(node, args, leaf, context);
  }
  node.trace(Trace.rcuScan, context.cpu, flavour, gp, node.id, 0);
});

const completeAtRoot = defineHandler('rcu.completeRoot', (node, { flavour }: { flavour: Flavour }, context): void => {
  const root = node.rcuRoots.of(flavour);
  root.completed = root.gpNumber;
  node.trace(Trace.rcuGracePeriod, context.cpu, flavour, root.gpNumber, 1, 0);
});

/** Answers with the latest grace period that was asked for at this node while this one was in progress. */
const completeAtLeaf = defineHandler('rcu.completeLeaf', (node, { flavour, gp }: GracePeriod): number => {
  node.rcuNumbers.complete(flavour, gp);
  return node.rcu.of(flavour).needed;
});

/**
 * rcu_gp_kthread (4.10), from one wake-up to the next time that nobody wants a grace period: starts one on every leaf, forces
 * quiescent states every fqs interval, and completes it when the root has heard from all nodes. Never a fixed wait: the
 * interval only bounds how long idle CPUs go unnoticed.
 */
for (const [number, name] of rcuFlavours.entries()) {
  const flavour = number as Flavour;
  const [begun, ended] = [`${name}.begun`, `${name}.ended`];
  defineFunction('thread', name, function* rcuGpKthread(cpu) {
    let needed = 0;
    for (;;) {
      const gp = yield* request(BOOT_NODE, startAtRoot, { flavour, needed });
      if (gp === 0) return;
      cpu.counters.add('rcu_grace_periods');
      cpu.counters.add(begun);
      needed = yield* call(rcuGracePeriod, cpu, { flavour, gp });
      cpu.counters.add('rcu_grace_periods_ended');
      cpu.counters.add(ended);
    }
  });
}

/** Evaluates to the latest grace period that is wanted. */
function* rcuGracePeriod(cpu: Cpu, period: GracePeriod): Coroutine<number> {
  const { flavour, gp } = period;
  const nodes = cpu.allNodes;
  const data = cpu.rcu.of(flavour);
  let urgeAt = cpu.now() + Math.ceil(cpu.build.hz / URGE_AFTER) * cpu.jiffy;
  yield* requestAll(nodes, startAtLeaf, period);
  yield* call(rcuReport, cpu, data);
  while ((yield* call(sleepUntilReported, cpu, flavour)) === TIMED_OUT) {
    const urge = cpu.now() >= urgeAt;
    if (urge) urgeAt = cpu.now() + URGE_AGAIN * cpu.jiffy;
    yield* requestAll(nodes, forceQuiescent, { flavour, gp, urge });
  }
  yield* request(BOOT_NODE, completeAtRoot, { flavour });
  const needed = yield* requestAll(nodes, completeAtLeaf, period);
  yield* call(rcuReport, cpu, data);
  return needed.reduce((most, gp) => Math.max(most, gp), 0);
}

/** At most an fqs interval. */
function* sleepUntilReported(cpu: Cpu, flavour: Flavour): Coroutine<number> {
  const waiter = cpu.newWaiter();
  if ((yield* request(BOOT_NODE, sleepAtRoot, { flavour, waiter })) === 'awake') {
    cpu.dropWaiter(waiter);
    return 0;
  }
  const result = yield* call(scheduleTimeout, cpu, waiter, cpu.fqsJiffies);
  if (result === TIMED_OUT) yield* request(BOOT_NODE, wakeAtRoot, { flavour });
  return result;
}
