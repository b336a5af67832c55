import type { Context } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';
import { expeditedUp, reportExpedited } from './expedited-reports.js';
import type { Flavour } from './flavours.js';
import { reportUp } from './quiescent.js';

/** A reader has left its CPU in a read section: the leaf lists it, and whatever that CPU still owes waits for the reader. */
const readerBlocked = defineHandler(
  'rcu.readerBlocked',
  (node, args: { flavour: Flavour; cpu: number; task: number; name: string; leaked: boolean }): void => {
    const { flavour, cpu, task, name, leaked } = args;
    const leaf = node.rcu.of(flavour).leafOf(cpu);
    leaf.blocked.set(task, { cpu, name, leaked });
    if (leaf.owing.has(cpu)) leaf.blocking.add(task);
    if (leaf.owingExpedited.has(cpu)) leaf.blockingExpedited.add(task);
  },
);

/** Such a reader has ended its section; it may have been the last for which a grace period waited. */
const readerUnblocked = defineHandler(
  'rcu.readerUnblocked',
  (node, args: { flavour: Flavour; cpu: number; task: number }, context): void => {
    const { flavour, cpu, task } = args;
    const leaf = node.rcu.of(flavour).leafOf(cpu);
    leaf.blocked.delete(task);
    const gp = node.rcuNumbers.started(flavour);
    if (leaf.blocking.delete(task) && leaf.quiescent) reportUp(node, { flavour, gp }, leaf, context);
    if (leaf.blockingExpedited.delete(task) && leaf.quiescentExpedited) expeditedUp(node, flavour, leaf, context);
  },
);

/**
 * rcu_read_lock: counted for the task in a preemptible kernel, preempt_disable where preemption is counted, else nothing
 * that a machine would notice. Any context.
 */
export function rcuReadLock(cpu: Cpu): void {
  const { rcu } = cpu;
  cpu.trace(Trace.rcuRead, rcu.rcu.flavour, cpu.taskId, 1, 0);
  rcu.nesting++;
  if (rcu.readLock === 'preemptCount') cpu.preemptCount++;
}

/** rcu_read_unlock. The end of the outermost section may be what a grace period waits for (rcu_read_unlock_special). */
export function rcuReadUnlock(cpu: Cpu): void {
  const { rcu } = cpu;
  cpu.trace(Trace.rcuRead, rcu.rcu.flavour, cpu.taskId, 0, 0);
  rcu.nesting--;
  if (rcu.readLock === 'preemptCount') cpu.preemptCount--;
  if (rcu.nesting === 0 && (rcu.listed || rcu.unlockReports)) unlockSpecial(cpu);
}

function unlockSpecial(cpu: Cpu): void {
  const { rcu } = cpu;
  const { flavour } = rcu.rcu;
  rcu.unlockReports = false;
  if (rcu.listed) {
    rcu.listed = false;
    const task = cpu.currentTask?.taskId ?? 0;
    cpu.postNow(cpu.node, readerUnblocked, { flavour, cpu: cpu.id, task });
  }
  if (rcu.consolidated && cpu.atomic) return;
  rcu.rcu.passedQuiescent = true;
  if (rcu.rcu.owesExpedited) reportExpedited(cpu, rcu.rcu);
}

function list(cpu: Cpu, { taskId, taskName }: Context, leaked: boolean): void {
  const { rcu } = cpu;
  const reader = { flavour: rcu.rcu.flavour, cpu: cpu.id, task: taskId, name: taskName, leaked };
  cpu.postNow(cpu.node, readerBlocked, reader);
}

/** rcu_preempt_note_context_switch: a task goes off this CPU in the middle of kernel code, perhaps in a read section. */
export function rcuTaskLeaves(cpu: Cpu, context: Context): void {
  const { rcu } = cpu;
  if (rcu.readLock === 'nesting' && rcu.nesting > 0 && !rcu.listed) {
    list(cpu, context, false);
    rcu.listed = true;
  }
  context.readNesting = rcu.nesting;
  context.readerListed = rcu.listed;
  rcu.nesting = 0;
  rcu.listed = false;
}

/** A task comes back to this CPU, or begins. */
export function rcuTaskEnters({ rcu }: Cpu, context: Context): void {
  rcu.nesting = context.readNesting;
  rcu.listed = context.readerListed;
}

/**
 * A task leaves the kernel. A read section that it has not ended stays for ever: its next switch would list it as a reader
 * off its CPU (RCU-9).
 */
export function rcuTaskDone(cpu: Cpu, context: Context): void {
  const { rcu } = cpu;
  if (rcu.nesting === 0) return;
  cpu.trace(Trace.rcuLeak, rcu.rcu.flavour, context.taskId, Number(rcu.readLock !== 'nothing'), 0);
  if (rcu.readLock === 'nesting') list(cpu, context, true);
  rcu.nesting = 0;
  rcu.listed = false;
}
