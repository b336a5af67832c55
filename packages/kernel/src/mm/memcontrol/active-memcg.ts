import type { Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';

/**
 * memalloc_use_memcg (4.19 to 5.9): until memallocUnuseMemcg, the running task's allocations are charged to this memcg, not to
 * its own (current->active_memcg). Process context; calls do not nest. The caller holds a reference on the memcg.
 */
export function memallocUseMemcg(cpu: Cpu, memcg: Handle): void {
  if (cpu.accounting.hasActive(cpu.taskId)) cpu.bug('memalloc_use_memcg is called twice');
  cpu.accounting.setActive(cpu.taskId, memcg);
}

/** memalloc_unuse_memcg. */
export function memallocUnuseMemcg(cpu: Cpu): void {
  cpu.accounting.setActive(cpu.taskId, 0);
}
