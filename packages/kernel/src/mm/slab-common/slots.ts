import { type Coroutine, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CacheField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';

const publishSlot = defineHandler(
  'memcg.publishSlot',
  (node, args: { root: Handle; id: number; cache: Handle }): void => {
    const { caches, memcgArrays } = node.published;
    memcgArrays.write(caches.read(args.root, CacheField.memcgCaches), args.id, args.cache);
    node.slotStores++;
  },
);

/** Store into, or with cache 0 clear, a slot of the root's memcg_caches array (after a write barrier). */
export function* setSlot(cpu: Cpu, root: Handle, id: number, cache: Handle): Coroutine<void> {
  yield* requestAll(cpu.allNodes, publishSlot, { root, id, cache });
}

/** Children of a root that are in slots of its memcg_caches array, those of online memcgs, with their ids. */
export function slotsOf(cpu: Cpu, root: Handle): { id: number; cache: Handle }[] {
  const { caches, memcgArrays } = cpu.published;
  const array = caches.read(root, CacheField.memcgCaches);
  const length = memcgArrays.lengthOf(array);
  const slots = Array.from({ length }, (_, id) => ({ id, cache: memcgArrays.read(array, id) }));
  return slots.filter(({ cache }) => cache !== 0);
}
