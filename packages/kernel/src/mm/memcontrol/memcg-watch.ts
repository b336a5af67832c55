import { type Coroutine, type Handle, type HandlerContext, homeOf, request, spin, work } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { type Defect, orDefect } from '../../defect.js';
import type { KernelNode } from '../../node.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';

/** Read c->memcg_params->memcg where the cache lives. */
export const readMemcg = defineHandler(
  'memcg.readOfChild',
  (node, args: { cache: Handle; defect: Defect }, context): Handle =>
    orDefect(args.defect, () => node.caches.get(args.cache, context.step)).memcg,
);

/** A CPU that spins on that word is told once it changes. Answers false if it is another than expected already. */
const watchMemcg = defineHandler(
  'memcg.watchOfChild',
  (node, args: { cache: Handle; expected: Handle; waiter: number; defect: Defect }, context): boolean => {
    const { cache, expected, waiter, defect } = args;
    if (orDefect(defect, () => node.caches.get(cache, context.step)).memcg !== expected) return false;
    const watchers = node.memcgWatchers.get(cache) ?? [];
    watchers.push(waiter);
    node.memcgWatchers.set(cache, watchers);
    return true;
  },
);

/** Within a handler that stores the word, or frees it: whoever spins on it reads it again. */
export function wakeMemcgWatchers(node: KernelNode, cache: Handle, context: HandlerContext): void {
  const watchers = node.memcgWatchers.get(cache) ?? [];
  node.memcgWatchers.delete(cache);
  for (const waiter of watchers) context.complete(waiter, 0);
}

/** Where the loop can be preempted, so long between two looks, ns. */
const LOOK_NS = 10e3;

/** Spin until the cache belongs to another memcg than this, or to none. Interrupts and preemption are as they are. */
export function* spinWhileOf(cpu: Cpu, cache: Handle, expected: Handle, defect: Defect): Coroutine<void> {
  if (cpu.build.config.preemption === 'preempt' && !cpu.atomic) {
    while (cpu.published.caches.read(cache, CacheField.memcg) === expected) yield* work(LOOK_NS);
    return;
  }
  const waiter = cpu.newWaiter();
  if (yield* request(homeOf(cache), watchMemcg, { cache, expected, waiter, defect }, cache)) yield* spin(waiter);
  else cpu.dropWaiter(waiter);
}
