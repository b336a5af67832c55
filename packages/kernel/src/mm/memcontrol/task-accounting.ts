import type { Context, Handle } from '@kmemlab/machine';
import { type Published, rootMemcg } from '../../published-state.js';

/** What the tasks in the kernel on one CPU have chosen to be charged for; nothing of it outlives a system call. */
export class TaskAccounting {
  /** memcgs that tasks have chosen to be charged, by task (active_memcg). */
  private readonly active = new Map<number, Handle>();
  /** memcg_kmem_skip_account, by task. */
  private readonly skipped = new Map<number, number>();

  constructor(private readonly published: Published) {}

  /** The memcg that an accounted allocation in this context is charged to; 0 for the root's, and outside process context. */
  memcgOf(context: Context | undefined): Handle {
    if (context === undefined || context.kind !== 'task') return 0;
    const { taskId } = context;
    if (this.skipped.size > 0 && this.skipped.has(taskId)) return 0;
    const memcg = this.active.get(taskId) ?? (taskId > 0 ? this.published.tasks.memcgOf(taskId) : 0);
    return memcg === rootMemcg(this.published) ? 0 : memcg;
  }

  hasActive(task: number): boolean {
    return this.active.has(task);
  }

  /** The task is charged for another memcg than its own; for its own again, if `memcg` is 0. */
  setActive(task: number, memcg: Handle): void {
    if (memcg === 0) this.active.delete(task);
    else this.active.set(task, memcg);
  }

  /** It allocates what it needs in order to account, for which it must not wait. */
  skips(task: number): boolean {
    return this.skipped.has(task);
  }

  /** memcg_stop_kmem_account (+1) and memcg_resume_kmem_account (−1). */
  skip(task: number, by: 1 | -1): void {
    const depth = (this.skipped.get(task) ?? 0) + by;
    if (depth === 0) this.skipped.delete(task);
    else this.skipped.set(task, depth);
  }
}
