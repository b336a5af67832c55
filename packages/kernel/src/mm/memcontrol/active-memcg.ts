import type { Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';

/**
 * memalloc_use_memcg (4.19 to 5.9): until memallocUnuseMemcg, the running task's allocations are charged to this memcg, not to
 * its own (current->active_memcg). Process context; calls do not nest. The caller holds a reference on the memcg.
 */
export function memallocUseMemcg(cpu: Cpu, memcg: Handle): void {
  if (cpu.activeMemcgs.has(cpu.taskId)) cpu.bug('memalloc_use_memcg is called twice');
  cpu.activeMemcgs.set(cpu.taskId, memcg);
}

/** memalloc_unuse_memcg. */
export function memallocUnuseMemcg(cpu: Cpu): void {
  cpu.activeMemcgs.delete(cpu.taskId);
}
