import { BOOT_NODE, type Coroutine, call, post, request, spin } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';

/**
 * Spinlocks whose sections contain effects; all are static globals and live on the boot node. A section without an effect
 * is one handler instead (see `defineSection`).
 */
export const spinlockNames = ['css_set_lock', 'memcg_kmem_wq_lock'] as const;

export type SpinlockName = (typeof spinlockNames)[number];

/** State of one spinlock at its home. */
export class Spinlock {
  /** CPU that holds it, −1 if free. */
  holder = -1;
  heldSince = 0;
  readonly waiting: { readonly waiter: number; readonly cpu: number; readonly since: number }[] = [];
}

const acquire = defineHandler(
  'spinlock.acquire',
  (node, args: { name: SpinlockName; waiter: number }, context): boolean => {
    const lock = node.spinlock(args.name);
    if (lock.holder >= 0) {
      lock.waiting.push({ waiter: args.waiter, cpu: context.cpu, since: context.now });
      return false;
    }
    node.durations.record(`${args.name}.wait`, 0);
    lock.holder = context.cpu;
    lock.heldSince = context.now;
    return true;
  },
);

const release = defineHandler('spinlock.release', (node, args: { name: SpinlockName }, context): void => {
  const lock = node.spinlock(args.name);
  node.durations.record(`${args.name}.hold`, context.now - lock.heldSince);
  const next = lock.waiting.shift();
  lock.holder = next?.cpu ?? -1;
  lock.heldSince = context.now;
  if (next === undefined) return;
  node.durations.record(`${args.name}.wait`, context.now - next.since);
  context.complete(next.waiter, 0);
});

/**
 * spin_lock: in FIFO order (ticket or queued spinlock), interrupts as they are. A lock that is also taken in interrupts needs
 * spinLockIrqsave everywhere else.
 */
export function* spinLock(cpu: Cpu, name: SpinlockName): Coroutine<void> {
  cpu.preemptCount++;
  cpu.spinlocksHeld++;
  const waiter = cpu.newWaiter();
  if (yield* request(BOOT_NODE, acquire, { name, waiter })) cpu.dropWaiter(waiter);
  else yield* spin(waiter);
  cpu.trace(Trace.spinLock, spinlockNames.indexOf(name), Number(cpu.irqsOff), 0, 0);
}

/** spin_unlock. */
export function* spinUnlock(cpu: Cpu, name: SpinlockName): Coroutine<void> {
  yield* post(BOOT_NODE, release, { name });
  cpu.spinlocksHeld--;
  cpu.preemptCount--;
}

/** spin_lock_irqsave. Any context. Evaluates to the flags for the unlock. */
export function* spinLockIrqsave(cpu: Cpu, name: SpinlockName): Coroutine<boolean> {
  const flags = cpu.irqSave();
  yield* call(spinLock, cpu, name);
  return flags;
}

/** spin_unlock_irqrestore. */
export function* spinUnlockIrqrestore(cpu: Cpu, name: SpinlockName, flags: boolean): Coroutine<void> {
  yield* call(spinUnlock, cpu, name);
  cpu.irqRestore(flags);
}
