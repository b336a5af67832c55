import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { spinLock, spinUnlock } from '../../locking/spinlock.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';

/** memcg_kmem_wq_lock is held; an interrupt that comes now may run a release, which takes it, too. */
export const KMEM_WQ_LOCKED = definePoint('memcg_kmem_wq_lock:held');

/**
 * Take memcg_kmem_wq_lock as the kernel's version does, for a child of this root. Any context. Evaluates to the flags for the
 * unlock.
 */
export function* lockKmemWq(cpu: Cpu, root: Handle): Coroutine<boolean> {
  const flags = cpu.build.policies.memcg.lifecycle.wqLock === 'irqsave' ? cpu.irqSave() : cpu.irqsOff;
  yield* call(spinLock, cpu, 'memcg_kmem_wq_lock');
  if (cpu.instrumented) {
    const never = () => false;
    yield* call(preemptionPoint, cpu, KMEM_WQ_LOCKED, root, { changed: never, gone: never });
  }
  return flags;
}

/** Let memcg_kmem_wq_lock go. */
export function* unlockKmemWq(cpu: Cpu, flags: boolean): Coroutine<void> {
  yield* call(spinUnlock, cpu, 'memcg_kmem_wq_lock');
  cpu.irqRestore(flags);
}
