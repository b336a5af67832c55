import { type Coroutine, call, type Handle, homeOf, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { CssField, memcgCacheId } from '../../published-state.js';
import { defineHandler } from '../../registry.js';
import { memcgFreeCacheId } from './cache-ids.js';
import { memcgDrainAllListLrus } from './list-lrus.js';

/** The memcg, if it is homed here, and the dead descendants on this node that have its id get another one. */
const changeIds = defineHandler(
  'memcg.changeIds',
  (node, args: { css: Handle; from: number; to: number }, context): Handle[] => {
    const heirs = node.idHeirs.take(args.from);
    if (homeOf(args.css) === node.id) heirs.push(args.css);
    for (const css of heirs) {
      const memcg = node.memcg(css, context.step);
      memcg.kmemState = 'allocated';
      memcg.kmemcgId = args.to;
      node.idHeirs.add(args.to, css);
    }
    return heirs;
  },
);

const publishIds = defineHandler('memcg.publishIds', (node, args: { csses: Handle[]; id: number }): void => {
  for (const css of args.csses) node.published.csses.write(css, CssField.kmemcgId, args.id + 1);
});

/**
 * The end of memcg_offline_kmem (4.10): the memcg and its dead descendants take the parent's kmemcg_id over, then what is on
 * their list_lrus goes to the parent's, and the index is free to be used again. Caller holds cgroup_mutex; the caches are
 * out of their slots.
 */
export function* memcgReparentId(cpu: Cpu, css: Handle, parent: Handle): Coroutine<void> {
  const from = memcgCacheId(cpu.published, css);
  const to = memcgCacheId(cpu.published, parent);
  const csses = (yield* requestAll(cpu.allNodes, changeIds, { css, from, to })).flat();
  yield* requestAll(cpu.allNodes, publishIds, { csses, id: to });
  yield* call(memcgDrainAllListLrus, cpu, from, parent);
  yield* call(memcgFreeCacheId, cpu, from);
}
