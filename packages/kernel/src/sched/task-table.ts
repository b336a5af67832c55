import { type Handle, type Memory, viewTo, type Words } from '@kmemlab/machine';

/** Words of a pid: its task_struct, and the memory css that the task is in (task->cgroups). */
const STRIDE = 2;

/**
 * Every task by pid, as all CPUs read it without an effect (the pid hash, and task_css under RCU). Who forks, moves or
 * reaps a task writes it at every node.
 */
export class TaskTable {
  private readonly words: Words;

  constructor(memory: Memory) {
    this.words = memory.words();
  }

  /** find_task_by_vpid: the task_struct, 0 if no task has the pid. */
  taskOf(pid: number): Handle {
    return this.read(STRIDE * pid);
  }

  /** Memory css of the task, 0 if no task has the pid. */
  memcgOf(pid: number): Handle {
    return this.read(STRIDE * pid + 1);
  }

  /** For a handler of this node. */
  write(pid: number, task: Handle, memcg: Handle): void {
    this.words.ensure(STRIDE * (pid + 1));
    const { view } = this.words;
    view[STRIDE * pid] = task;
    view[STRIDE * pid + 1] = memcg;
  }

  private read(at: number): number {
    return viewTo(this.words, at)[at] ?? 0;
  }
}
