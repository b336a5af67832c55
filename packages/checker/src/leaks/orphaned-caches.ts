import type { KernelNode } from '@kmemlab/kernel';
import type { Handle, Step } from '@kmemlab/machine';

/** Ways in which a cache is never destroyed. */
export const orphanDefects = ['V0-e', 'no-reaper', 'V1-a'] as const;

/** A cache that nobody will ever destroy, with the id of the defect, if it has one. */
export interface OrphanedCache {
  readonly cache: Handle;
  readonly id: (typeof orphanDefects)[number] | 'leak';
  /** The step that left it so, if it was seen. */
  readonly last: Step | undefined;
  readonly detail: string;
}

/** Why a dead cache had pages when its destroy work left it for good: in use, or RCU-typed and on their way. */
type Left = 'in use' | 'empty';

/** What is remembered of a child cache: where it was made, and where its destroy work has left it. */
export interface CacheHistory {
  readonly made: Step;
  readonly left?: { readonly why: Left; readonly step: Step };
}

const LOST: Readonly<Record<Left | 'never left', Omit<OrphanedCache, 'cache' | 'last'>>> = {
  'in use': {
    id: 'no-reaper',
    detail:
      'dead and without pages; its last ones had still to go when its destroy work looked, and nobody looks again',
  },
  empty: {
    id: 'V1-a',
    detail: 'dead and without pages; RCU had yet to give them up when its destroy work looked, and nobody looks again',
  },
  'never left': { id: 'leak', detail: 'dead and without pages, but its destroy work is not queued' },
};

/**
 * Caches of removed memcgs that wait for a destroy work which never comes, in a kernel in which only the release of a cache's last
 * page or its memcg's offline queues that work (3.14 and its patches). On a quiet machine no such work is queued.
 * @param histories of the caches, as far as they were seen
 */
export function orphanedCaches(
  nodes: readonly KernelNode[],
  counts: 'pages' | 'references' = 'pages',
  histories: ReadonlyMap<Handle, CacheHistory> = new Map(),
): OrphanedCache[] {
  const offline = new Set<Handle>();
  for (const node of nodes) {
    for (const [css, { memcg }] of node.csses.entries()) if (memcg?.kmemState === 'allocated') offline.add(css);
  }
  const reaped = nodes[0]?.dangling.caches;
  const orphaned: OrphanedCache[] = [];
  for (const node of nodes) {
    for (const [cache, params] of node.cacheParams) {
      const memcg = node.caches.peek(cache)?.memcg ?? 0;
      if (reaped?.has(cache)) continue;
      const waits = counts === 'references' ? memcg === 0 || offline.has(memcg) : offline.has(memcg);
      const why = waits || params.references === 0 ? lostBy(params, counts, histories.get(cache)) : undefined;
      if (why !== undefined) orphaned.push({ cache, ...why });
    }
  }
  return orphaned;
}

type Params = KernelNode['cacheParams'] extends ReadonlyMap<Handle, infer P> ? P : never;

/** Why a cache of a removed memcg stays for ever; undefined if it does not. */
function lostBy(
  { dead, nrPages, references, memcgHolds }: Params,
  counts: 'pages' | 'references',
  history: CacheHistory | undefined,
): Omit<OrphanedCache, 'cache'> | undefined {
  const marked = counts === 'pages' ? dead : !memcgHolds;
  if (!marked) {
    const detail = 'made after its memcg had gone offline: nobody marks it dead, so nothing ever destroys it';
    return { id: 'V0-e', last: history?.made, detail };
  }
  if ((counts === 'pages' ? nrPages : references) !== 0) return undefined;
  const left = history?.left;
  return { ...LOST[left?.why ?? 'never left'], last: left?.step };
}
