import { BOOT_NODE, type Coroutine, call, type HandlerContext, post } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { KernelNode } from '../node.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';
import { numberCallbacks } from './accelerate.js';
import { reportExpedited } from './expedited-reports.js';
import { Flavour } from './flavours.js';
import type { RcuData } from './state.js';
import type { RcuLeaf } from './tree.js';

/** A grace period of a flavour. */
export interface GracePeriod {
  readonly flavour: Flavour;
  readonly gp: number;
}

/** How a CPU came to have reported; the number stands in traces. */
export const QuiescentBy = { itself: 0, idle: 1, offline: 2 } as const;

/** The last owing leaf of a node has reported: clear the node's bit in the root; the last one wakes the kthread. */
export const reportNode = defineHandler(
  'rcu.reportNode',
  (node, args: GracePeriod & { node: number }, context): void => {
    const root = node.rcuRoots.of(args.flavour);
    if (args.gp !== root.gpNumber || !root.owingNodes.delete(args.node) || root.owingNodes.size > 0) return;
    if (root.sleeper === 0) return;
    context.complete(root.sleeper, 0);
    root.sleeper = 0;
  },
);

/** A leaf of a node with several has nothing left: clear its bit one level up. */
const reportLeaf = defineHandler('rcu.reportLeaf', (node, args: GracePeriod & { leaf: number }, context): void => {
  const { owing } = node.rcu.of(args.flavour);
  if (args.gp !== node.rcuNumbers.started(args.flavour) || !owing.delete(args.leaf) || owing.size > 0) return;
  context.post(BOOT_NODE, reportNode, { flavour: args.flavour, gp: args.gp, node: node.id });
});

/**
 * rcu_report_qs_rnp: the last CPU or reader of a leaf has reported; carry it up. What a node has to say travels to the root
 * as one message.
 */
export function reportUp(node: KernelNode, { flavour, gp }: GracePeriod, leaf: RcuLeaf, context: HandlerContext): void {
  const level = node.rcu.of(flavour);
  if (level.leaves.length > 1) context.post(node.id, reportLeaf, { flavour, gp, leaf: level.numberOf(leaf) });
  else context.post(BOOT_NODE, reportNode, { flavour, gp, node: node.id });
}

/** One CPU owes the grace period in progress nothing any more. True if it did. */
export function clearOwing(node: KernelNode, period: GracePeriod, leaf: RcuLeaf, cpu: number, by: number): boolean {
  if (!leaf.owing.delete(cpu)) return false;
  node.trace(Trace.rcuQuiescent, cpu, period.flavour, period.gp, by, 0);
  return true;
}

/** rcu_report_qs_rdp: one quiescent state of one CPU for one grace period; late reports are ignored (RCU-3). */
export const reportQuiescent = defineHandler(
  'rcu.report',
  (node, args: GracePeriod & { cpu: number }, context): void => {
    const leaf = node.rcu.of(args.flavour).leafOf(args.cpu);
    if (args.gp !== node.rcuNumbers.started(args.flavour)) return;
    if (clearOwing(node, args, leaf, args.cpu, QuiescentBy.itself) && leaf.quiescent)
      reportUp(node, args, leaf, context);
  },
);

function passed(cpu: Cpu, data: RcuData): void {
  data.passedQuiescent = true;
  if (data.owesExpedited) reportExpedited(cpu, data);
}

/**
 * rcu_note_context_switch: a quiescent state of every flavour but rcu_bh; the next tick reports it. Readers that left the
 * CPU in a section of a preemptible kernel are listed at the leaf by then.
 */
export function rcuNoteContextSwitch(cpu: Cpu): void {
  for (const data of cpu.rcu.all) if (data.flavour !== Flavour.bh) passed(cpu, data);
}

/** rcu_bh_qs: a softirq pass has ended. */
export function rcuNoteSoftirqEnd({ rcu }: Cpu): void {
  if (!rcu.consolidated) rcu.bh.passedQuiescent = true;
}

/** A tick interrupted this CPU: which flavours see a quiescent state in what it interrupted. */
function noteTick(cpu: Cpu, user: boolean): void {
  const { rcu } = cpu;
  if (user) for (const data of rcu.all) passed(cpu, data);
  if (!rcu.consolidated && !cpu.inSoftirq) rcu.bh.passedQuiescent = true;
  if (rcu.readLock !== 'nesting') return;
  const reading = rcu.nesting > 0 || (rcu.consolidated && (cpu.preemptCount > 0 || cpu.inSoftirq));
  if (!reading) passed(cpu, rcu.rcu);
  else if (rcu.nesting > 0 && rcu.rcu.needsReport) rcu.unlockReports = true;
}

/** There is a grace period to notice or to ask for, or a quiescent state to report: {@link rcuReport} does something. */
export function hasNews({ rcuNumbers }: Cpu, data: RcuData): boolean {
  const { flavour, callbacks } = data;
  const started = rcuNumbers.started(flavour);
  const completed = rcuNumbers.completed(flavour);
  if (started !== data.gpSeen || completed !== data.completedSeen) return true;
  if (data.needsReport && data.passedQuiescent) return true;
  return callbacks.unnumbered > 0 && started === completed;
}

/** rcu_pending: a flavour has news for this CPU, or a callback to invoke. */
function rcuPending(cpu: Cpu): boolean {
  for (const data of cpu.rcu.all) if (data.callbacks.ready > 0 || hasNews(cpu, data)) return true;
  return false;
}

/**
 * rcu_check_callbacks, from the tick: raise the softirq if a flavour has something to do here.
 * @param user the tick interrupted user mode or idle
 */
export function rcuCheckCallbacks(cpu: Cpu, user: boolean): void {
  noteTick(cpu, user);
  const { rcu } = cpu;
  if (!rcu.softirq) rcu.softirq = rcuPending(cpu);
}

/**
 * note_gp_changes and rcu_check_quiescent_state: notice the end and the start of grace periods; else report the quiescent
 * state passed since one was noticed. New callbacks get their numbers at each of these, or while nobody has a grace period.
 */
export function* rcuReport(cpu: Cpu, data: RcuData): Coroutine<void> {
  const { flavour, callbacks } = data;
  const { rcuNumbers } = cpu;
  const started = rcuNumbers.started(flavour);
  const completed = rcuNumbers.completed(flavour);
  const changed = started !== data.gpSeen || completed !== data.completedSeen;
  if (completed !== data.completedSeen) {
    data.completedSeen = completed;
    callbacks.advance(completed);
  }
  if (started !== data.gpSeen) {
    data.gpSeen = started;
    data.passedQuiescent = false;
    data.needsReport = completed !== started;
  }
  const reports = !changed && data.needsReport && data.passedQuiescent;
  if (callbacks.unnumbered > 0 && (changed || reports || started === completed))
    yield* call(numberCallbacks, cpu, data);
  if (!reports) return;
  data.needsReport = false;
  yield* post(cpu.node, reportQuiescent, { flavour, gp: data.gpSeen, cpu: cpu.id });
}
