import { type Coroutine, call, type Handle, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { memcgCacheId } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { lruFilesystems } from '../list-lru.js';

const growLrus = defineHandler('listLru.grow', (node, args: { size: number }, context): void => {
  for (const lru of node.listLrus.all()) lru.size = args.size;
  context.charge(lruFilesystems.length * node.costs['list.step']);
});

const drainLrus = defineHandler('listLru.drain', (node, args: { from: number; to: number }, context): void => {
  for (const lru of node.listLrus.all()) lru.drain(args.from, args.to);
  context.charge(lruFilesystems.length * node.costs['list.step']);
});

/** memcg_update_all_list_lrus (4.10): larger memcg_lrus in every list_lru. Caller holds memcg_cache_ids_sem for writing. */
export function* memcgUpdateAllListLrus(cpu: Cpu, size: number): Coroutine<void> {
  cpu.counters.add('memcg_update_all_list_lrus');
  yield* call(mutexLock, cpu, 'list_lrus_mutex');
  yield* requestAll(cpu.allNodes, growLrus, { size });
  yield* call(mutexUnlock, cpu, 'list_lrus_mutex');
}

/**
 * memcg_drain_all_list_lrus (4.10): what lies on the lists of kmemcg_id `id` goes to the parent's lists. The id must be
 * replaced by the parent's before, so that nothing is added to the old lists any more. Process context.
 */
export function* memcgDrainAllListLrus(cpu: Cpu, id: number, parent: Handle): Coroutine<void> {
  cpu.counters.add('memcg_drain_all_list_lrus');
  const to = memcgCacheId(cpu.published, parent);
  yield* call(mutexLock, cpu, 'list_lrus_mutex');
  yield* requestAll(cpu.allNodes, drainLrus, { from: id, to });
  yield* call(mutexUnlock, cpu, 'list_lrus_mutex');
}
