import { BOOT_NODE, type Coroutine, post } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { Scalar } from '../published-state.js';
import { defineHandler } from '../registry.js';

/** The last owing CPU of a node has reported: clear the node's bit in the root; the last one wakes the kthread. */
export const reportNode = defineHandler('rcu.reportNode', (node, args: { gp: number; node: number }, context): void => {
  const root = node.rcuRoot;
  if (args.gp !== root.gpNumber || !root.owingNodes.delete(args.node) || root.owingNodes.size > 0) return;
  if (root.sleeper === 0) return;
  context.complete(root.sleeper, 0);
  root.sleeper = 0;
});

/** rcu_report_qs_rdp: one quiescent state of one CPU for one grace period; late reports are ignored (RCU-3). */
export const reportQuiescent = defineHandler('rcu.report', (node, args: { gp: number; cpu: number }, context): void => {
  const leaf = node.rcuLeaf;
  if (args.gp !== node.published.scalar(Scalar.rcuGpNumber) || !leaf.owing.delete(args.cpu) || leaf.owing.size > 0)
    return;
  context.post(BOOT_NODE, reportNode, { gp: args.gp, node: node.id });
});

/** rcu_note_context_switch: a context switch is a quiescent state. The next tick reports it. */
export function rcuNoteContextSwitch(cpu: Cpu): void {
  cpu.rcu.passedQuiescent = true;
}

/**
 * rcu_check_callbacks, from the tick: interrupting user mode or idle is a quiescent state; raise the softirq if there is a
 * grace period to notice, a quiescent state to report or a callback to invoke.
 */
export function rcuCheckCallbacks(cpu: Cpu, quiescent: boolean): void {
  const { rcu } = cpu;
  if (quiescent) rcu.passedQuiescent = true;
  rcu.advance(cpu.rcuCompleted);
  if (cpu.rcuGpNumber !== rcu.gpSeen || (rcu.needsReport && rcu.passedQuiescent) || rcu.done.length > 0) {
    cpu.rcuSoftirq = true;
  }
}

/** Notice a new grace period, and report the quiescent state passed since it was noticed (note_gp_changes). */
export function* rcuReport(cpu: Cpu): Coroutine<void> {
  const { rcu } = cpu;
  const gp = cpu.rcuGpNumber;
  if (gp !== rcu.gpSeen) {
    rcu.gpSeen = gp;
    rcu.passedQuiescent = false;
    rcu.needsReport = cpu.rcuCompleted !== gp;
    return;
  }
  if (!rcu.needsReport || !rcu.passedQuiescent) return;
  rcu.needsReport = false;
  yield* post(cpu.node, reportQuiescent, { gp: rcu.gpSeen, cpu: cpu.id });
}
