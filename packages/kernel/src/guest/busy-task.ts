import type { Cpu } from '../cpu.js';

/** Pids of the busy tasks of all CPUs; no program has one of these. */
const FIRST_PID = 2 ** 22;

/**
 * On an isolated CPU runs a task that is always in user mode, as a high-performance or real-time loop is: it makes no
 * system call, so all that ever takes the CPU from it is what the rest of the system does. It costs no event but its
 * CPU's ticks.
 */
export function startBusyTask(cpu: Cpu): void {
  if (cpu.published.isIsolated(cpu.id)) cpu.enterUser(FIRST_PID + cpu.id);
}
