import { BOOT_NODE, type Coroutine, call, type HandlerContext, request, requestAll, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import type { KernelNode } from '../node.js';
import { defineFunction, defineHandler } from '../registry.js';
import { smpCallFunctionSingle } from '../smp/call-function.js';
import { reportExpedited, reportExpeditedCpu, reportExpeditedNode } from './expedited-reports.js';
import { Flavour, rcuFlavours } from './flavours.js';
import type { RcuData } from './state.js';
import { waitForReaders } from './synchronize.js';
import type { ExpeditedFunnel } from './tree.js';

interface OfFlavour {
  readonly flavour: Flavour;
}

/** The expedited sequence, as rcu_seq counts it: odd while one is in progress. */
const expeditedSequence = defineHandler('rcu.expeditedSequence', (node, args: OfFlavour & { step: number }): number => {
  const root = node.rcuRoots.of(args.flavour);
  root.expeditedSequence += args.step;
  return root.expeditedSequence;
});

type Entered = ReturnType<ExpeditedFunnel['enter']>;

/** One level of the funnel: at the caller's node, then at the root. */
const enterFunnel = defineHandler(
  'rcu.enterFunnel',
  (node, args: OfFlavour & { root: boolean; sequence: number; waiter: number }): Entered => {
    const { flavour, root, sequence, waiter } = args;
    const { funnel } = root ? node.rcuRoots.of(flavour) : node.rcu.of(flavour);
    return funnel.enter(sequence, waiter);
  },
);

/** An expedited grace period is over: let those go on that waited for it in the funnel. */
const leaveFunnel = defineHandler(
  'rcu.leaveFunnel',
  (node, { flavour, sequence }: OfFlavour & { sequence: number }, context): void => {
    const root = node.id === BOOT_NODE ? node.rcuRoots.of(flavour).funnel.finish(sequence) : [];
    for (const waiter of [...node.rcu.of(flavour).funnel.finish(sequence), ...root]) context.complete(waiter, 0);
  },
);

const startExpedited = defineHandler('rcu.startExpedited', (node, { flavour }: OfFlavour): void => {
  const root = node.rcuRoots.of(flavour);
  for (let n = 0; n < node.topology.nodes; n++) root.owingExpedited.add(n);
});

/**
 * sync_rcu_exp_select_cpus at a node: every online CPU that is not idle, except the caller, and every reader that is off its
 * CPU owe it. Answers with the CPUs to interrupt.
 */
const selectCpus = defineHandler(
  'rcu.selectCpus',
  (node, { flavour, self }: OfFlavour & { self: number }, context): number[] => {
    const level = node.rcu.of(flavour);
    level.owingExpedited.clear();
    for (const [number, leaf] of level.leaves.entries()) {
      for (const cpu of node.rcu.online) {
        if (leaf.has(cpu) && cpu !== self && node.words(cpu).dynticks % 2 === 1) leaf.owingExpedited.add(cpu);
      }
      for (const task of leaf.blocked.keys()) leaf.blockingExpedited.add(task);
      if (!leaf.quiescentExpedited) level.owingExpedited.add(number);
    }
    if (level.owingExpedited.size === 0) reportNothing(node, flavour, context);
    return level.leaves.flatMap(({ owingExpedited }) => [...owingExpedited]);
  },
);

function reportNothing(node: KernelNode, flavour: Flavour, context: HandlerContext): void {
  context.post(BOOT_NODE, reportExpeditedNode, { flavour, node: node.id });
}

const sleepUntilExpedited = defineHandler(
  'rcu.sleepExpedited',
  (node, { flavour, waiter }: OfFlavour & { waiter: number }): boolean => {
    const root = node.rcuRoots.of(flavour);
    if (root.owingExpedited.size > 0) root.expeditedSleeper = waiter;
    return root.owingExpedited.size > 0;
  },
);

/**
 * sync_sched_exp_handler and sync_rcu_exp_handler: the CPU reports at once if it is not reading, else at its next quiescent
 * state. Where preemption is off, only a context switch is one.
 */
for (const [number, name] of rcuFlavours.entries()) {
  // biome-ignore lint/correctness/useYield: the report is a message of its own
  defineFunction('csd', `sync_exp_handler:${name}`, function* syncExpHandler(cpu) {
    const data = cpu.rcu.of(number as Flavour);
    if (mayRead(cpu, data)) {
      data.owesExpedited = true;
      cpu.rcu.unlockReports = cpu.rcu.readLock === 'nesting' && cpu.rcu.nesting > 0;
      cpu.resched();
    } else reportExpedited(cpu, data);
  });
}

function mayRead(cpu: Cpu, { flavour }: RcuData): boolean {
  if (cpu.interruptsUser) return false;
  if (flavour !== Flavour.preempt) return true;
  const { rcu } = cpu;
  return rcu.nesting > 0 || (rcu.consolidated && (cpu.preemptCount > 0 || cpu.inSoftirq));
}

/** exp_funnel_lock: true if another caller's expedited grace period serves this one; else rcu_exp_mutex is held. */
function* expFunnelLock(cpu: Cpu, flavour: Flavour, sequence: number): Coroutine<boolean> {
  for (const root of [false, true]) {
    const waiter = cpu.newWaiter();
    const home = root ? BOOT_NODE : cpu.node;
    const entered = yield* request(home, enterFunnel, { flavour, root, sequence, waiter });
    if (entered === 'queued') yield* wait(waiter);
    else cpu.dropWaiter(waiter);
    if (entered !== 'first') return true;
  }
  yield* call(mutexLock, cpu, 'rcu_exp_mutex');
  if ((yield* request(BOOT_NODE, expeditedSequence, { flavour, step: 0 })) < sequence) return false;
  yield* call(mutexUnlock, cpu, 'rcu_exp_mutex');
  return true;
}

/** One asynchronous single call to each CPU that is not idle, except this one; then sleep until all have reported. */
function* interruptAndWait(cpu: Cpu, { flavour }: RcuData): Coroutine<void> {
  yield* request(BOOT_NODE, startExpedited, { flavour });
  const selected = yield* requestAll(cpu.allNodes, selectCpus, { flavour, self: cpu.id });
  for (const target of selected.flat()) {
    const error = yield* call(smpCallFunctionSingle, cpu, target, `sync_exp_handler:${rcuFlavours[flavour]}`, 0, false);
    if (error !== 0) yield* request(cpu.nodeOf(target), reportExpeditedCpu, { flavour, cpu: target });
    else cpu.counters.add('synchronize_expedited.ipis');
  }
  const waiter = cpu.newWaiter();
  if (yield* request(BOOT_NODE, sleepUntilExpedited, { flavour, waiter })) yield* wait(waiter);
  else cpu.dropWaiter(waiter);
}

function* expedited(cpu: Cpu, data: RcuData): Coroutine<void> {
  const { flavour } = data;
  const snapshot = yield* request(BOOT_NODE, expeditedSequence, { flavour, step: 0 });
  const sequence = Math.floor((snapshot + 3) / 2) * 2;
  if (yield* call(expFunnelLock, cpu, flavour, sequence)) return;
  yield* request(BOOT_NODE, expeditedSequence, { flavour, step: 1 });
  yield* call(interruptAndWait, cpu, data);
  const ended = yield* request(BOOT_NODE, expeditedSequence, { flavour, step: 1 });
  yield* requestAll(cpu.allNodes, leaveFunnel, { flavour, sequence: ended });
  yield* call(mutexUnlock, cpu, 'rcu_exp_mutex');
}

/** synchronize_rcu_expedited (4.10): as synchronize_rcu, but at most N−1 interrupts make it short. Process context. */
export function* synchronizeRcuExpedited(cpu: Cpu): Coroutine<void> {
  yield* call(waitForReaders, cpu, 'synchronize_rcu_expedited', cpu.rcu.rcu, expedited);
}

/** synchronize_sched_expedited (4.10). */
export function* synchronizeSchedExpedited(cpu: Cpu): Coroutine<void> {
  yield* call(waitForReaders, cpu, 'synchronize_sched_expedited', cpu.rcu.sched, expedited);
}
