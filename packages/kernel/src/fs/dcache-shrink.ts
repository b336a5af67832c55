import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { LruFilesystem } from '../mm/list-lru.js';
import { defineHandler, defineSection } from '../registry.js';
import { dentryKill, dFree } from './dcache.js';
import { unlink } from './dentry-handlers.js';
import { isUnused, unlistDentry } from './dentry-lru.js';

/** Which dentries a shrinker is after: those of one filesystem on one node's list of a kmemcg_id. */
export interface DentryList {
  readonly fs: LruFilesystem;
  readonly node: number;
  readonly id: number;
}

/**
 * list_lru_walk_one with dentry_lru_isolate: look at up to `count` dentries, oldest first. One that is in use leaves the LRU, one
 * that was used since the last look goes to the end and is spared this time, the others are taken.
 */
const isolate = defineSection(
  'lru_lock',
  'dcache.isolate',
  (node, args: { fs: LruFilesystem; id: number; count: number }, context): { taken: Handle[]; removed: number } => {
    const lru = node.listLrus.of(args.fs);
    const taken: Handle[] = [];
    let removed = 0;
    for (let n = 0; n < args.count; n++) {
      const handle = lru.oldest(args.id);
      if (handle === undefined) break;
      const dentry = node.dentries.get(handle, context.step);
      context.charge(node.costs['list.step']);
      if (isUnused(dentry) && dentry.referenced) {
        dentry.referenced = false;
        lru.rotate(handle);
        continue;
      }
      removed++;
      lru.remove(handle);
      dentry.lru = isUnused(dentry) ? 'shrinking' : 'none';
      if (dentry.lru === 'shrinking') taken.push(handle);
    }
    return { taken, removed };
  },
);

/** Where a dentry hangs that this caller may now drop: nobody can take a reference any more (lockref_mark_dead). */
interface Dropped {
  readonly parent: Handle;
  readonly name: string;
}

/** One dentry of a shrinker's list: drop it, free what somebody else has killed meanwhile, or leave alone what is in use again. */
const shrinkDentry = defineHandler(
  'dcache.shrink',
  (node, args: { dentry: Handle }, context): Dropped | 'killed' | 'inUse' => {
    const dentry = node.dentries.get(args.dentry, context.step);
    dentry.lru = 'none';
    if (dentry.killed) return 'killed';
    if (dentry.unhashed || !isUnused(dentry)) return 'inUse';
    dentry.unhashed = true;
    return { parent: dentry.parent, name: dentry.name };
  },
);

/** A directory that lost its last child to a shrinker: it goes as well unless it is in use. */
const dropUnused = defineHandler('dcache.dropUnused', (node, args: { dentry: Handle }, context): Dropped | null => {
  const dentry = node.dentries.get(args.dentry, context.step);
  if (dentry.unhashed || dentry.lru === 'shrinking' || !isUnused(dentry)) return null;
  unlistDentry(node, args.dentry, dentry);
  dentry.unhashed = true;
  return { parent: dentry.parent, name: dentry.name };
});

/** prune_dcache_sb (4.10): evaluates to the number of dentries that left the LRU. */
export function* pruneDcacheSb(cpu: Cpu, { fs, node, id }: DentryList, count: number): Coroutine<number> {
  const { taken, removed } = yield* request(node, isolate, { fs, id, count });
  yield* call(shrinkDentryList, cpu, taken);
  return removed;
}

/** shrink_dentry_list (4.10): kill each dentry, then the directories that nothing else holds. */
function* shrinkDentryList(cpu: Cpu, dentries: readonly Handle[]): Coroutine<void> {
  for (const dentry of dentries) {
    const found = yield* request(homeOf(dentry), shrinkDentry, { dentry }, dentry);
    if (found === 'killed') yield* call(dFree, cpu, dentry);
    else if (found !== 'inUse') yield* call(killUpwards, cpu, dentry, found);
  }
}

function* killUpwards(cpu: Cpu, dentry: Handle, where: Dropped): Coroutine<void> {
  let dying: Handle = dentry;
  for (let dropped: Dropped | null = where; dropped !== null; ) {
    const { parent, name }: Dropped = dropped;
    cpu.counters.add('dentries_shrunk');
    yield* request(homeOf(parent), unlink, { parent, name, dentry: dying }, parent);
    yield* call(dentryKill, cpu, dying);
    dying = parent;
    dropped = yield* request(homeOf(parent), dropUnused, { dentry: parent }, parent);
  }
}
